import asyncio, httpx2 as httpx
ONE = 'backends: {one: {url: "http://127.0.0.1:{one}", model: m, tier: simple, location: on_prem}}\n'
async def test_y(start):
    g = await start(ONE, "one")
    g.decide(headers={"x-tiermesh-chain":"one"})
    g.backends["one"].answers(pieces=[b"data: 1\n\n"], headers={"content-type": "text/event-stream"}, cut=True)
    for i in range(2):
        try:
            print("LOG", (g.directory/"envoy.log").read_text()[-4000:] if i else "")
            await g.post()
        except httpx.RemoteProtocolError as e: print(e)
        await asyncio.sleep(1)
        print(len(g.worker.entries))
    g.backends["one"].answers()
    print(await g.post())
    await asyncio.sleep(1)
    print(len(g.worker.entries))
    print((await g.admin.get("/stats", params={"filter":"access_log|rq_active|downstream_rq|cx_active"})).text)
    for e in g.worker.entries: print(e.response.response_code.value, e.response.response_code_details, e.common_properties.response_flags)
    print((g.directory/"envoy.log").read_text()[-1500:])
