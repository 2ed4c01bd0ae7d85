"""What a request says: the five dialects, read into one view, and edited without being rewritten.

Here live the shapes of OpenAI's chat completions, completions, responses and embeddings and of Anthropic's messages: where
their text, tools and media are, how an error or a model list looks in each, and how a stream carries usage. Everything is
a pure function of bytes, or a small state machine over them. What is done about a request does not belong here: no tiers,
no scores, no policy, no network, no clock.
"""

from extproc.dialects.api import api_of, model_asked
from extproc.dialects.binding import bindings
from extproc.dialects.edit import edit, usage_asked
from extproc.dialects.estimate import estimate_tokens
from extproc.dialects.listing import model_body, models_body
from extproc.dialects.parse import parse
from extproc.dialects.refusal import Refusal, refusal_body, refusal_headers
from extproc.dialects.steps import Step, is_tool_turn, steps
from extproc.dialects.stream import UsageStrip
from extproc.dialects.view import Bulk, Request, Turn

__all__ = [
    "Bulk",
    "Refusal",
    "Request",
    "Step",
    "Turn",
    "UsageStrip",
    "api_of",
    "bindings",
    "edit",
    "estimate_tokens",
    "is_tool_turn",
    "model_asked",
    "model_body",
    "models_body",
    "parse",
    "refusal_body",
    "refusal_headers",
    "steps",
    "usage_asked",
]
