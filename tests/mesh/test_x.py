import asyncio, json, time, os
THREE = """
backends:
  one: {url: "http://127.0.0.1:{one}", model: model-one, tier: simple, location: on_prem, credential: {file: "{tmp}/one.key"}}
  two: {url: "http://127.0.0.1:{two}", model: model-two, tier: standard, credential: {file: "{tmp}/two.key", kind: anthropic}}
  three: {url: "http://127.0.0.1:{three}", model: model-three, tier: complex}
"""
async def go(start, tmp_path, text=THREE, **k):
    (tmp_path/"one.key").write_text("key-one\n")
    (tmp_path/"two.key").write_text("key-two")
    g = await start(text, "one","two","three", **k)
    g.Orders = type(g.worker.orders({}, b""))
    g.Reply = type(g.backends["one"].reply(None))
    g.worker.orders = lambda h,b: g.Orders(headers={"x-tiermesh-chain":"one+two+three"}, metadata={"ticket":"t1"}, body=b'{"a":1}')
    g.worker.second_orders = lambda h,m: g.Orders(body=b'{"b":1}')
    return g
def log(tmp_path): print((tmp_path/"envoy.log").read_text()[-3000:])

async def test_usage(start, tmp_path):
    g = await go(start, tmp_path)
    one=g.backends["one"]
    i=0
    async def ask(ct, *pieces):
        nonlocal i
        one.reply = lambda s: g.Reply(headers={"content-type":ct}, pieces=list(pieces))
        r = await g.post()
        print(ct, pieces[0][:40], r.status_code, r.content[:60], await g.usage(i)); i+=1
    await ask("application/json; charset=utf-8", b'{"model":"m","usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4}}}')
    await ask("application/json", b'{"usage":null}')
    await ask("application/json", b'{"usage":"x"}')
    await ask("application/json", b'{"usage":{"prompt_tokens":null,"completion_tokens":1.5,"prompt_tokens_details":null}}')
    await ask("application/json", b'not json')
    await ask("application/json", b'[1]')
    await ask("text/plain", b'{"usage":{"prompt_tokens":12}}')
    await ask("application/problem+json", b'{"usage":{"prompt_tokens":12}}')
    await ask("text/event-stream", b'data: {"choices":[],"usage":null}\n\n', b'data: {"model":"x","usage":{"prompt_tokens":1,"completion_tokens":1}}\n\ndata: {"usage":{"completion_tokens":7}}\n\n', b'data: [DONE]\n\n')
    await ask("text/event-stream; charset=utf-8", b'event: message_start\r\ndata: {"type":"message_start","message":{"model":"cl","usage":{"input_tokens":9,"output_tokens":1,"cache_read_input_tokens":2}}}\r\n\r\n', b'event: message_delta\ndata: {"usage":{"output_tokens":44}}\n\n')
    await ask("text/event-stream", b'event: response.completed\ndata: {"response":{"model":"r","usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":5},"output_tokens":1,"output_tokens_details":{"reasoning_tokens":6}}, "x":"' + b'y'*200000 + b'"}}\n\n')
    await ask("text/event-stream", b'data: {"usage":{"prompt_tokens":1,\ndata: "completion_tokens":2}}\n\n')
    await ask("text/event-stream", b'data: {"usage":{"prompt_tokens":1}}')
    await ask("text/event-stream", b': ping\n\ndata:{"usage":{"prompt_tokens":3}}\n\n')
    await ask("text/event-stream", b'data: {"usage":{"prompt_tokens":12345678901}}\n\n')
    print((await g.admin.get("/stats", params={"filter":"metadata"})).text)
    log(tmp_path) if False else None

async def test_big(start, tmp_path):
    g = await go(start, tmp_path, THREE + "\nlistener: {port: %d, admin_port: %d, max_body_bytes: 33554432}\nprocessor: {message_timeout_s: 10}\n" % tuple(ports()))
    g.worker.orders = lambda h,b: g.Orders(headers={"x-tiermesh-chain":"one+two+three"}, metadata={"ticket":"t1"}, body=b[:-1]+b"!")
    g.backends["one"].reply = lambda s: g.Reply(status=503)
    g.worker.second_orders = lambda h,m: g.Orders(body=b"z"*30_000_000)
    t=time.time(); r = await g.post(body=b"x"*30_000_000); print(r.text, time.time()-t, [len(b.seen) for b in g.backends.values()], g.worker.phases);  print(r.status_code, len(g.backends["one"].seen[0].body), len(g.backends["two"].seen[0].body), time.time()-t, r.text[:100])
    r = await g.post(body=b"x"*35_000_000); print(r.status_code, r.headers, r.text[:100])
    for size in (10_000_000, 90_000_000):
        g.backends["one"].reply = lambda s: g.Reply(pieces=[b'{"usage":{"prompt_tokens":3},"x":"']+[b"x"*1000_000]*(size//1000000)+[b'"}'])
        r = await g.post(); print(size, r.status_code, len(r.content), r.content[:100])
    n=len(g.worker.entries); await asyncio.sleep(.5)
    for e in g.worker.entries: print(e.response.response_code, e.response.response_code_details, e.response.response_body_bytes, e.common_properties.metadata.filter_metadata["tiermesh.usage"])
def ports():
    import socket
    ss=[socket.socket() for _ in range(2)]
    for s in ss: s.bind(("127.0.0.1",0))
    p=[s.getsockname()[1] for s in ss]
    for s in ss: s.close()
    return p
async def test_replies(start, tmp_path):
    g = await go(start, tmp_path)
    async def ask(path="/v1/chat/completions", **k):
        t=time.time()
        r = await g.post(path, **k); print(path, r.status_code, r.headers.get("content-type"), r.text[:300], round(time.time()-t,2))
    g.worker.orders = lambda h,b: g.Orders(refusal=(404, b'{"mine":1}'), metadata={"ticket":"r"})
    await ask(); await ask("/v1/messages")
    g.worker.orders = lambda h,b: g.Orders(headers={"x-tiermesh-chain":"one+two+three"})
    for b in g.backends.values(): b.reply = lambda s: g.Reply(status=0)
    await ask(); await ask("/v1/messages")
    for b in g.backends.values(): b.reply = lambda s: g.Reply(status=500, pieces=[b"theirs"])
    await ask()
    for b in g.backends.values(): await b.stop()
    await ask();
    await ask(body=b"x"*34_000_000 + b"x"*1000000)
    print("failopen")
    g.worker.is_silent=True
    await ask()
    await g.worker.stop()
    await ask()
    await ask("/v1/messages")
    r = await g.client.get("/v1/models"); print(r.status_code, r.text)
    await asyncio.sleep(.3)
    for e in g.worker.entries: print(e.response.response_code, e.response.response_code_details, e.common_properties.response_flags, e.common_properties.upstream_request_attempt_count, e.common_properties.upstream_cluster)
    log(tmp_path)
async def test_closed(start, tmp_path):
    g = await go(start, tmp_path, THREE+"\nprocessor: {on_failure: closed, message_timeout_s: 0.3}\n")
    g.worker.is_silent=True
    r = await g.post(); print(r.status_code, r.text)
    await g.worker.stop()
    r = await g.post(); print(r.status_code, r.text)
    g.worker.is_silent=False
    g.worker.__init__()
    await g.worker.start(tmp_path / "worker-0.sock")
    await asyncio.sleep(1)
    r = await g.post(); print(r.status_code, r.text)
