"""Hosts of an inside, and names and addresses that everybody has."""

from __future__ import annotations

import pytest

from tests.residency.detectors.finding import kinds_in

FOUND = r"""
internal_host|db01.corp.example.internal
internal_host|connect to jenkins.int.acme.local
internal_host|ssh admin@build-7.acme.corp
internal_host|https://wiki.corp.example.com/page
internal_host|http://grafana.internal:3000
internal_host|payments.prod.svc.cluster.local
internal_host|host: pg-primary.data.intranet
internal_host|nas01.lan
internal_host|server fileserver.office.lan is down
internal_host|ip-10-0-1-23.ec2.internal
internal_host|redis-0.cache.internal:6379
internal_host|gw-lab.int.soylent.corp (172.20.4.1)
internal_host|"url": "https://ldap.acme.intranet"
internal_host|\\\\fs1.corp.local\\share
internal_host|\\\\prn-hq-03\\finance prints blank pages
internal_ip|10.200.16.0/24 via 10.200.0.1 dev bond0
internal_ip|host: 10.20.30.40
internal_ip|ssh root@10.4.7.19
internal_ip|10.4.7.19:5432
internal_ip|http://192.168.37.12/admin
internal_ip|connection to 172.20.4.1 refused
internal_ip|server 10.12.0.7 timed out
internal_ip|ansible_host=10.9.8.7
internal_ip|10.9.8.7 db01 db01.acme
internal_ip|sshd: Accepted publickey for deploy from 10.4.7.19
internal_ip|{"ip": "192.168.37.12"}
internal_ip|DB_HOST=10.1.2.3
internal_ip|nameserver 10.9.0.53
internal_ip|inet 10.4.7.19 netmask
""".strip().splitlines()

CLEAN = r"""
Which subnet contains 192.168.1.77/26?
is 10.0.0.5 in 10.0.0.0/24?
what is the broadcast address of 172.16.5.9?
10.0.0.0/8 is private
the range 192.168.0.0 to 192.168.255.255
203.0.113.77
198.51.100.4:80
127.0.0.1:8080
0.0.0.0
169.254.10.20
docker0 172.17.0.1
open http://192.168.1.1 to set up the router
8.8.8.8
host.docker.internal:8080
metadata.google.internal
kubernetes.default.svc.cluster.local
my-svc.my-namespace.svc.cluster.local
threading.local()
self.internal = 1
com.acme.internal.Foo
import org.apache.internal.util
jdk.internal.misc.Unsafe
torch._internal
.env.local
settings.local.json
docker-compose.local.yml
printer.local is how mDNS names look
C:\\Users\\ann-1\\file
the regex \\d+\\w+
from extproc.local import Process
\\\\ud83d\\ude00
localhost:3000
example.com
www.example.org
internal use
a local variable
config.lan = x
module.private
version 10.2.3.4
the private IP address 192.168.5.9 is an example
regex for 10.1.2.3
""".strip().splitlines()


@pytest.mark.parametrize("line", FOUND)
def test_a_host_of_the_inside_is_found(line: str) -> None:
    kind, text = line.split("|", 1)
    assert kind in kinds_in(text, "hosts")


@pytest.mark.parametrize("text", CLEAN)
def test_everybodys_names_and_exercises_are_clean(text: str) -> None:
    assert kinds_in(text, "hosts") == set()
