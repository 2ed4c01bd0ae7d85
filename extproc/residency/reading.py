"""From a request to its text: everything in its body that a model, or whoever logs it, could read.

The walk is over the parsed members as they are, not over what a dialect expects there: unknown members, tool definitions,
metadata and ids carry text as well as messages do. What dialects have in common are the few shapes that hold media or the
provider's own state; those, and only those, are known here by name. A member of an object reads `key: value`, unless its key
is one of the API's own for running text.

Encoded media are never searched as text: they are decoded if they are text, and otherwise named as unread.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import unquote

from extproc.config.section import Api
from extproc.dialects import Request
from extproc.residency import blob, unwrap


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The API's own words: keys of running text, whose values stand alone, and values that say only what a part is.
_UNLABELLED = _words("""
    arguments content delta description input instructions messages name output parameters prompt properties reasoning
    reasoning_content refusal role suffix summary system text thinking title tool_calls tools type
""")
_WORDS = _words("""
    any array assistant auto boolean computer_call custom custom_tool_call developer document ephemeral file function
    function_call function_call_output high image image_url input_audio input_file input_image input_text integer
    item_reference json_object json_schema low medium message model none null number object output_text reasoning
    reasoning_text redacted_thinking required server_tool_use string summary_text system text thinking tool tool_result
    tool_use user web_search_tool_result
""")

# Parts that hold media, by type and by the member that some leave as the only sign of it.
_MEDIA_TYPES = {
    **dict.fromkeys(
        ("image_url", "input_image", "image", "image_embeds", "computer_screenshot", "video_url", "image_file", "image_generation_call"),
        "image",
    ),
    **dict.fromkeys(("input_audio", "audio_url", "audio"), "audio"),
    **dict.fromkeys(("file", "input_file", "container_upload", "document"), "file"),
    **dict.fromkeys(("text", "input_text", "output_text"), ""),
}
_MEDIA_KEYS = {"image_url": "image", "video_url": "image", "input_audio": "audio", "audio_url": "audio", "file_url": "file"}
_UNSEEN = frozenset(("image", "audio"))  # unread whatever they turn out to be; a file may be text
_PAYLOADS = frozenset(("data", "result", "file_data", "b64_json", "base64", "bytes", "image_base64"))
_ELSEWHERE = frozenset(("url", "image_url", "file_url", "audio_url", "video_url", "file_id", "uri"))

# The provider's own state, sent back as it came: sealed thoughts, which nobody else can read, and signatures of open ones,
# which say nothing.
_SEALED = frozenset(("encrypted_content", "encrypted_reasoning"))
_SIGNATURE = "signature"
_SIGNED = "thinking"
_SEALED_TYPE = "redacted_thinking"

# How pictures, sound and PDFs begin in base64: parts of a type that is not known here may have them.
_MEDIA_STARTS = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "SUkqA", "TU0AK", "SUQz", "T2dnUw", "ZkxhQ", "JVBERi")
_HEAD_CHARS = 64
_LONG_CHARS, _SAMPLE_CHARS = 262_144, 4_096  # of base64
_DATA_URI = re.compile(r"data:([\w.+-]*/?[\w.+-]*)((?:;[^,;]{0,64}){0,4}),", re.IGNORECASE)
_NUMBERS = (Api.COMPLETIONS, Api.EMBEDDINGS)
_TOKENS = ("prompt", "input")


class Text(NamedTuple):
    """All text of a body, in order, and words for what could not be read."""

    pieces: list[str]
    unread: frozenset[str]


def read(request: Request) -> Text:
    """The text of `request`."""
    reader = _Reader()
    for key, value in request.members.items():
        if key in _TOKENS and request.api in _NUMBERS and _is_token_ids(value):
            reader.unread.add("token_ids")
            reader.pieces += _texts(value)
        else:
            reader.member(key, value, "")
    return Text(reader.pieces, frozenset(reader.unread))


def _is_token_ids(value: object) -> bool:
    """Whether a list has numbers in it, at any depth: some servers take texts and token numbers side by side, and 1.0 for 1."""
    return isinstance(value, list) and any(isinstance(item, (int, float)) or _is_token_ids(item) for item in value)


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


class _Reader:
    """What has been read so far. Recursion is bounded: no body is nested more than `dialects.scan.MAX_DEPTH` deep."""

    __slots__ = ("pieces", "unread")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.unread: set[str] = set()

    def member(self, key: str, value: Any, media: str) -> None:
        """Reads `value`, which stands under `key`; `media` is what the part around it holds, if it holds any."""
        if isinstance(value, str):
            self._string(key, value, media)
        elif isinstance(value, dict):
            self._object(key, value, media)
        elif isinstance(value, list):
            self._array(key, value, media)
        elif value is not None:
            self.pieces.append(f"{key}: {_number(value)}")
        elif key not in _UNLABELLED:
            self.pieces.append(key)

    def _object(self, key: str, members: dict[str, Any], media: str) -> None:
        if key and key not in _UNLABELLED:
            self.pieces.append(f"{key}:")
        kind = members.get("type")
        if isinstance(kind, str):
            media = _MEDIA_TYPES.get(kind, media)
            if media in _UNSEEN and kind in _MEDIA_TYPES:
                self.unread.add(media)
        for name, value in members.items():
            if isinstance(value, str) and _is_state(name, kind):
                if name == _SIGNATURE:
                    self._signature(value)
                elif value:
                    self.unread.add("encrypted")
            else:
                self.member(name, value, _MEDIA_KEYS.get(name, media))
        if isinstance(spoken := members.get("audio"), dict) and "id" in spoken:
            self.unread.add("audio")  # what the model said before, kept by the provider

    def _array(self, key: str, values: list[Any], media: str) -> None:
        if key and key not in _UNLABELLED:
            self.pieces.append(f"{key}:")
        numbers: list[str] = []
        for value in values:
            if isinstance(value, (str, dict, list)):
                self.member("", value, media)
                if isinstance(value, dict):
                    self.pieces.append("")  # an empty line between messages, parts, items
            else:
                numbers.append(_number(value))
        if numbers:
            self.pieces.append(", ".join(numbers))

    def _string(self, key: str, value: str, media: str) -> None:
        if value in _WORDS:
            if key and key not in _UNLABELLED:
                self.pieces.append(key)  # the API's word, under a key that may be the caller's
            return
        if value[:5].lower() == "data:" and (head := _DATA_URI.match(value)) is not None:
            if key and key not in _UNLABELLED:
                self.pieces.append(f"{key}:")
            self._data_uri(head, value, media)
        elif media and key in _PAYLOADS:
            self._payload(value, media)
        else:
            if media and key in _ELSEWHERE:
                self.unread.add(media)
            elif value.startswith(_MEDIA_STARTS) and _is_base64(value):
                self.unread.add(blob.read(unwrap.decoded(value[:_HEAD_CHARS])).media or "file")
            self.pieces.append(value if not key or key in _UNLABELLED else f"{key}: {value}")

    def _signature(self, value: str) -> None:
        # Signatures are bytes in base64; text in the place of one is text.
        found = blob.read(unwrap.decoded(value)) if _is_base64(value) else blob.Blob(value, "")
        if found.text is not None:
            self.pieces.append(found.text)

    def _data_uri(self, head: re.Match[str], value: str, media: str) -> None:
        data = value[head.end() :]
        kind = head[1].partition("/")[0].lower()
        if "base64" in head[2].lower():
            self._payload(data, {"image": "image", "video": "image", "audio": "audio"}.get(kind, media or "file"))
        else:
            self.pieces.append(unquote(data))

    def _payload(self, value: str, media: str) -> None:
        """Reads a file's content: base64, or, in documents of plain text, the text itself."""
        if len(value) > _LONG_CHARS and _is_base64(value):
            # Its beginning tells what it is, and decoding twenty megabytes of a picture would take half a second.
            head = blob.read(unwrap.decoded(value[:_SAMPLE_CHARS]))
            if head.text is None or media in _UNSEEN:
                self.unread.add(head.media or media)
                return
        found = blob.read(unwrap.decoded(value)) if _is_base64(value) else blob.Blob(value, "")
        if found.text is None:
            self.unread.add(found.media or media)
        else:
            self.pieces.append(found.text)


_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=_\s-]")


def _is_base64(value: str) -> bool:
    return value.isascii() and " " not in value and _NOT_BASE64.search(value[:4_096]) is None


def _number(value: object) -> str:
    return str(value) if not isinstance(value, bool) else "true" if value else "false"


def _is_state(name: str, kind: object) -> bool:
    return name in _SEALED or (name == _SIGNATURE and kind == _SIGNED) or (name == "data" and kind == _SEALED_TYPE)
