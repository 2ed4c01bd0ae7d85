"""Error answers and model lists, judged by the vendors' own SDKs."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import anthropic
import openai
import pytest

from extproc import dialects
from extproc.config.section import Api
from extproc.dialects import Refusal

Answer = tuple[int, list[tuple[str, str]], bytes]


class Stub(HTTPServer):
    """Gives the same answer to every request and counts them."""

    answer: Answer = (500, [], b"")
    asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Stub

    def _reply(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked += 1
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in [*headers, ("content-length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _reply  # noqa: N815

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with Stub(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def openai_client(stub: Stub) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def anthropic_client(stub: Stub) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=stub.url, api_key="k", max_retries=0) as client:
        yield client


def refuse(stub: Stub, api: Api | None, refusal: Refusal, request_id: str = "") -> None:
    stub.answer = (
        refusal.status,
        dialects.refusal_headers(api, refusal, request_id=request_id),
        dialects.refusal_body(api, refusal, request_id=request_id),
    )


@pytest.mark.parametrize(
    ("status", "exception", "error_type"),
    [
        (400, openai.BadRequestError, "invalid_request_error"),
        (401, openai.AuthenticationError, "invalid_request_error"),
        (403, openai.PermissionDeniedError, "invalid_request_error"),
        (404, openai.NotFoundError, "invalid_request_error"),
        (413, openai.APIStatusError, "invalid_request_error"),
        (415, openai.APIStatusError, "invalid_request_error"),
        (429, openai.RateLimitError, "rate_limit_error"),
        (500, openai.InternalServerError, "server_error"),
        (503, openai.InternalServerError, "server_error"),
    ],
)
@pytest.mark.parametrize("api", [Api.CHAT, Api.RESPONSES, Api.COMPLETIONS, Api.EMBEDDINGS, None])
def test_openais_sdk_raises_its_own_exception(
    stub: Stub, openai_client: openai.OpenAI, api: Api | None, status: int, exception: type[openai.APIStatusError], error_type: str
) -> None:
    refuse(stub, api, Refusal(status, "some_code", 'Why "not": é', param="model"), request_id="r-1")
    calls = {
        Api.CHAT: lambda: openai_client.chat.completions.create(model="m", messages=[]),
        Api.RESPONSES: lambda: openai_client.responses.create(model="m", input="x"),
        Api.COMPLETIONS: lambda: openai_client.completions.create(model="m", prompt="x"),
        Api.EMBEDDINGS: lambda: openai_client.embeddings.create(model="m", input="x"),
        None: lambda: openai_client.models.retrieve("m"),
    }
    with pytest.raises(openai.APIStatusError) as caught:
        calls[api]()
    error = caught.value
    assert type(error) is exception
    assert (error.type, error.code, error.param, error.request_id) == (error_type, "some_code", "model", "r-1")
    assert isinstance(error.body, dict)
    assert error.body["message"] == 'Why "not": é'


@pytest.mark.parametrize(
    ("status", "exception", "error_type"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (413, "ContentTooLargeError", "request_too_large"),
        (415, anthropic.APIStatusError, "invalid_request_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (503, "ServiceUnavailableError", "overloaded_error"),
        (529, "OverloadedError", "overloaded_error"),
    ],
)
def test_anthropics_sdk_raises_its_own_exception(
    stub: Stub, anthropic_client: anthropic.Anthropic, status: int, exception: type[Exception] | str, error_type: str
) -> None:
    refuse(stub, Api.MESSAGES, Refusal(status, "some_code", 'Why "not": é'), request_id="req_1")
    with pytest.raises(anthropic.APIStatusError) as caught:
        anthropic_client.messages.create(model="m", max_tokens=1, messages=[])
    error = caught.value
    assert type(error).__name__ == (exception if isinstance(exception, str) else exception.__name__)
    assert error.request_id == "req_1"
    assert error.body == {
        "type": "error",
        "error": {"type": error_type, "message": 'Why "not": é', "details": {"error_code": "some_code"}},
        "request_id": "req_1",
    }


def test_a_refused_body_is_told_in_the_callers_shape() -> None:
    for api in Api:
        refusal = dialects.parse(api, b"{", max_body_bytes=100)
        assert isinstance(refusal, Refusal)
        body = json.loads(dialects.refusal_body(api, refusal))
        assert body["error"]["message"] == refusal.message
        assert ("code" in body["error"]) is (api is not Api.MESSAGES)


def test_headers_say_when_to_come_back() -> None:
    assert dialects.refusal_headers(Api.CHAT, Refusal(429, "c", "m", retry_after_s=7)) == [
        ("content-type", "application/json"),
        ("retry-after", "7"),
    ]
    assert dialects.refusal_headers(None, Refusal(429, "c", "m", retry_after_s=3600))[1:] == [
        ("retry-after", "3600"),
        ("x-should-retry", "false"),
    ]
    assert dialects.refusal_headers(None, Refusal(415, "c", "m"))[1:] == [("accept-encoding", "gzip, deflate, identity")]
    assert dialects.refusal_headers(Api.MESSAGES, Refusal(400, "c", "m"), request_id="r")[1:] == [("request-id", "r")]


def test_an_sdk_does_not_retry_what_is_refused_for_an_hour(stub: Stub) -> None:
    refuse(stub, Api.CHAT, Refusal(429, "budget_exceeded", "m", retry_after_s=3600))
    before = stub.asked
    with openai.OpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=3) as client, pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="m", messages=[])
    assert stub.asked == before + 1


NAMES = ["auto", "Qwen/Qwen2.5-7B", "模型"]


def test_openais_sdk_reads_the_list_and_one_model(stub: Stub, openai_client: openai.OpenAI) -> None:
    headers = [("content-type", "application/json")]
    stub.answer = (200, headers, dialects.models_body(NAMES, is_anthropic=False))
    assert [model.id for model in openai_client.models.list()] == NAMES
    stub.answer = (200, headers, dialects.model_body("auto", is_anthropic=False))
    model = openai_client.models.retrieve("auto")
    assert (model.id, model.object, model.owned_by) == ("auto", "model", "tiermesh")


def test_anthropics_sdk_reads_the_list_and_one_model(stub: Stub, anthropic_client: anthropic.Anthropic) -> None:
    headers = [("content-type", "application/json")]
    stub.answer = (200, headers, dialects.models_body(NAMES, is_anthropic=True))
    assert [model.id for model in anthropic_client.models.list()] == NAMES
    stub.answer = (200, headers, dialects.model_body("auto", is_anthropic=True))
    model = anthropic_client.models.retrieve("auto")
    assert (model.id, model.type, model.display_name, model.created_at.year) == ("auto", "model", "auto", 1970)


@pytest.mark.parametrize("is_anthropic", [False, True])
def test_an_empty_list_is_a_list(is_anthropic: bool) -> None:
    assert json.loads(dialects.models_body([], is_anthropic=is_anthropic))["data"] == []
