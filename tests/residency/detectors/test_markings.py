"""Markings where they mark, and the same words where they are talked about."""

# ruff: noqa: RUF001 - punctuation of other scripts
from __future__ import annotations

import pytest

from tests.residency.detectors.finding import kinds_in

FOUND = r"""
confidential|CONFIDENTIAL
confidential|# Confidential
confidential|CONFIDENTIAL - Project Halcyon roadmap
confidential|Strictly confidential - do not distribute
confidential|Acme Corp - Confidential
confidential|Classification: Confidential
confidential|classification: "restricted"
confidential|Sensitivity: Highly Confidential
confidential|INTERNAL USE ONLY
confidential|For internal use only. Q3 pipeline below.
confidential|Company confidential: the new price list
confidential|This document is confidential and intended for the board.
confidential|This email and any attachments are confidential.
confidential|This report contains confidential information of Acme.
confidential|Not for distribution outside the team
confidential|Do not forward. The reorg is announced on Monday.
confidential|TLP:RED
confidential|TLP:AMBER+STRICT
confidential|TOP SECRET//NOFORN
confidential|// Copyright (c) 2024 Acme. All rights reserved. Proprietary and confidential.
confidential|shared under NDA
confidential|STRENG VERTRAULICH
confidential|Streng vertraulich: Entwurf des Kaufvertrags
confidential|Vertraulich
confidential|VS-NUR FÜR DEN DIENSTGEBRAUCH
confidential|VS-NfD
confidential|Nur für den internen Gebrauch
confidential|Confidentiel - ne pas diffuser
confidential|STRICTEMENT CONFIDENTIEL
confidential|Usage interne
confidential|ESTRICTAMENTE CONFIDENCIAL
confidential|Uso interno. No distribuir.
confidential|STRETTAMENTE RISERVATO
confidential|RISERVATO
confidential|Strikt vertrouwelijk
confidential|POUFNE
confidential|社外秘
confidential|【社外秘】来期の計画
confidential|机密：收购计划
confidential|대외비
confidential|Конфиденциально
confidential|Draft audit report - restricted: three findings
confidential|PV du conseil (confidentiel) : ordre du jour
confidential|Documento interno, non divulgare
confidential|GİZLİ - yalnızca yönetim kurulu
confidential|请勿外传
confidential|OFFICIAL-SENSITIVE
confidential|Embargoed until 4 May
privileged|PRIVILEGED & CONFIDENTIAL
privileged|Privileged and confidential
privileged|Attorney-client privileged
privileged|ATTORNEY-CLIENT PRIVILEGE
privileged|Attorney work product - prepared in anticipation of litigation
privileged|This memo is protected by the attorney-client privilege.
privileged|Mandatsgeheimnis! Die Anwältin rät ab
privileged|keep this within the privilege
privileged|comunicazione tra avvocato e cliente
privileged|Legally privileged advice follows
privileged|Prepared at the direction of counsel
privileged|Anwaltlich vertraulich: unser Anwalt rät zum Vergleich
privileged|Confidentiel - correspondance avocat-client
""".strip().splitlines()

CLEAN = r"""
is this confidential?
Is this document confidential?
translate "confidential" into German
translate 'strictly confidential' into French
what does TLP:RED mean?
write an NDA template
how do I mark a document as confidential in Word?
what is attorney-client privilege?
explain the work product doctrine
the word confidential has twelve letters
confidential computing runs code in enclaves
a confidential client keeps a secret in OAuth
we respect your confidentiality
public, confidential, or private?
enum: [public, confidential, restricted]
access is restricted to members
rate-limited and restricted endpoints
proprietary software versus open source
privileged containers run as root
run with privileged: true
a privileged user may restart it
GDPR asks for confidentiality of processing
top secret recipe for pancakes
private members of a class
what are the levels of classification?
Was bedeutet streng vertraulich?
que signifie strictement confidentiel ?
翻译“机密”
do not share mutable state between threads
do not copy the list
secret = os.environ["X"]
All rights reserved.
Internal use only as a representation of a color.
This method is for internal use only.
""".strip().splitlines()


@pytest.mark.parametrize("line", FOUND)
def test_a_marking_is_found(line: str) -> None:
    kind, text = line.split("|", 1)
    assert kind in kinds_in(text, "markings")


@pytest.mark.parametrize("text", CLEAN)
def test_talk_about_secrets_is_clean(text: str) -> None:
    assert kinds_in(text, "markings") == set()
