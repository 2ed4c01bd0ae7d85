"""Which requests are read at all."""

import pytest

from extproc import dialects
from extproc.config.section import Api


@pytest.mark.parametrize(
    ("method", "path", "api"),
    [
        ("POST", "/v1/chat/completions", Api.CHAT),
        ("POST", "/v1/completions", Api.COMPLETIONS),
        ("POST", "/v1/responses", Api.RESPONSES),
        ("POST", "/v1/embeddings", Api.EMBEDDINGS),
        ("POST", "/v1/messages", Api.MESSAGES),
        ("POST", "/v1/messages?beta=true", Api.MESSAGES),
        ("POST", "/v1/messages/count_tokens", None),
        ("POST", "/v1/messages/batches", None),
        ("GET", "/v1/responses/resp_1", None),
        ("GET", "/v1/chat/completions", None),
        ("post", "/v1/chat/completions", None),
        ("POST", "/v1/chat/completions/", None),
        ("POST", "/V1/chat/completions", None),
        ("POST", "/v1//chat/completions", None),
        ("POST", "/v1/audio/transcriptions", None),
        ("POST", "/", None),
        ("POST", "", None),
    ],
)
def test_only_the_exact_method_and_path_name_a_dialect(method: str, path: str, api: Api | None) -> None:
    assert dialects.api_of(method, path) is api


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/v1/models", ""),
        ("GET", "/v1/models/", ""),
        ("GET", "/v1/models?limit=20", ""),
        ("GET", "/v1/models/auto", "auto"),
        ("GET", "/v1/models/auto?x=1", "auto"),
        ("GET", "/v1/models/Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B"),
        ("GET", "/v1/models/Qwen%2FQwen2.5-7B", "Qwen/Qwen2.5-7B"),
        ("GET", "/v1/modelsX", None),
        ("GET", "/v1/model", None),
        ("DELETE", "/v1/models/auto", None),
        ("POST", "/v1/models", None),
    ],
)
def test_a_question_about_models_names_the_model_or_all_of_them(method: str, path: str, name: str | None) -> None:
    assert dialects.model_asked(method, path) == name
