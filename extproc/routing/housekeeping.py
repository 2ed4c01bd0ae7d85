"""Is this a call that an application makes for itself? A title for its list of chats needs no able model.

Agents and chat applications ask on the side: a title, whether the topic has changed, a commit message, what the user may want to
say next, whether the key still has quota. Each such call is a short task of its own, so it is known by its shape: no tools, no
history of tool results, a task that is described in the system prompt or at either end of the ask, and a word on how short the
answer has to be. All of it has to be there; where in doubt it is the user's, and the score decides.

Two are left to the score on purpose. Summaries that replace a conversation: what is lost in one is lost for good. And whatever
guards the machine, such as telling which command a shell line runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

SYSTEM_CHARS, ASK_CHARS = 2_000, 800
_OPENING_CHARS = 500
_PROBE_CHARS = 40
_PROBE_TOKENS = 5
_SHORT_TOKENS = 300
_MOST_CHARS = 24_000


class Chore(StrEnum):
    """What it is for; NONE for a call of the user's own."""

    NONE = ""
    TITLE = "title"
    TOPIC = "topic"
    COMMIT = "commit"
    SUGGESTION = "suggestion"
    QUOTA = "quota"


@dataclass(frozen=True, slots=True)
class Outline:
    """The shape of a request. `system` and `ask` are at most the beginning of the one and both ends of the other."""

    system: str
    ask: str
    chars: int  # of the whole system prompt and ask
    tool_count: int
    turn_count: int
    is_after_tools: bool
    max_output_tokens: int | None


_PARTS = r"(?:app|bot|header|page|window|screen|ui|component|model|service|server|system|table|view|list|store|api|schema)"
_TALK = rf"(?:conversation|chat|thread|session|dialogue|discussion|exchange|message)s?\b(?! {_PARTS})"
_MAKE = r"(?:generat|creat|writ|provid|produc|mak|giv|suggest|propos|com|respond|repl|output|extract|return|craft|draft)\w*\b"
_TITLED = (
    r"\b(?:titles?|heading|caption|tags|emoji)\b[^\n]{0,30}\b(?:for|of|to|that|which|as|summari\w+|describ\w+|captur\w+|categori\w+)\b"
)
_NEXT = r"\b(?:user|they) (?:might|may|could|would|will|is likely to)[^.\n]{0,30}\b(?:type|say|ask|send|want)\b[^.\n]{0,20}\bnext\b"
_IN_WORDS = r"\b(?:in|under|within|using)\b[^.\n]{0,20}\b(?:words|characters)\b"
# Of each chore: texts without which it cannot be, which are quick to look for, and the ways in which it is put.
_TASKS: tuple[tuple[Chore, tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (chore, traces, re.compile("|".join(ways), re.IGNORECASE))
    for chore, traces, ways in (
        (
            Chore.TITLE,
            ("title", "tags", "emoji", "heading", "caption", "name th", "summari", "describe th", "label th"),
            (
                rf"\b{_MAKE}[^.\n]{{0,50}}{_TITLED}[^\n]{{0,60}}\b{_TALK}",
                rf"\b{_TALK} title\b|\btitle (?:generator|writer|creator)\b|\bname (?:this|the) {_TALK}",
                rf"\b(?:summari[sz]e|describe|label)\b (?:this|the) (?:\w+ )?{_TALK}[^.\n]{{0,30}}{_IN_WORDS}",
            ),
        ),
        (
            Chore.TOPIC,
            ("topic",),
            (r"\bnew (?:conversation |chat )?topic\b|is_?new_?topic\b|\btopic (?:has )?(?:changed?|shift)|\bsame topic\b",),
        ),
        (
            Chore.COMMIT,
            ("commit message",),
            (
                rf"\b{_MAKE} (?:[\w,'-]+ ){{0,7}}commit messages?\b(?! \w*(?:pars|lint|hook|valid))",
                r"\bcommit messages? (?:generator|writer)\b",
            ),
        ),
        (
            Chore.SUGGESTION,
            ("follow", "next", "autocomplet", "starter"),
            (
                r"\bfollow[ -]?up (?:questions?|prompts?)\b|\bnext (?:user )?(?:prompt|message)\b|\bautocomplet\w*\b",
                rf"\bconversation starters?\b|{_NEXT}",
            ),
        ),
    )
)
# What such a task is about comes with it: the conversation or the changes, marked as such.
_MATERIAL = re.compile(
    r"<(?:chat_?history|conversation|transcript|session|messages?|history|diff|text|query)\b|^#{1,4} ?(?:task|chat history|conversation)\b"
    r"|^\W{0,3}(?:user|human|assistant|ai) ?:|^diff --git |^@@ -|^```diff|\bstaged\b|\bconversation:"
    r"|\bfollowing (?:diff|conversation|chat|changes)\b",
    re.IGNORECASE | re.MULTILINE,
)
_MATERIAL_TRACES = ("<", "user", "human", "assistant", "ai:", "diff", "@@", "staged", "conversation", "history", "task", "following")
_PIECES = r"(?:words?|characters|chars|tokens|questions|suggestions|tags)"
_COUNT = r"(?:\d{1,2}|two|three|four|five|six|seven|eight|ten|few)"
_BRIEF = re.compile(
    "|".join(
        (
            rf"\b{_COUNT}(?:\s?(?:[-\u2013]|to|or)\s?(?:\d{{1,3}}|\w+))?(?:\s|-){_PIECES}\b",
            r"\bunder \d{1,3}\b|[\u2264<]\s?=?\s?\d{1,3}\b|\bnothing else\b|\b(?:one|single)[ -](?:line|sentence)\b",
            r"\b(?:title|message|text) only\b",
            r"\b(?:only|nothing but|just) (?:the|a|an|with|output|return|respond|reply|json|valid)\b",
            r"\b(?:no|without) (?:quotes?|quotation|punctuation|explanations?|preamble|commentary|markdown)\b",
            r"\bjson (?:object|format|array)\b|\b(?:concise|short|brief)\b",
        )
    ),
    re.IGNORECASE,
)
# A conversation that is handed on in short, and what guards a shell: never a chore.
_NEVER = re.compile(
    r"\b(?:compact(?:ion|ing)?|hand-?off|detailed summary|command prefix|command injection"
    r"|continu\w{1,4} (?:the|this|our) (?:conversation|work|task))\b",
    re.IGNORECASE,
)
_PROBE = re.compile(r"\s*(?:quota|test|testing|ping|hi|hello|hey|ok|say ok|say hi|\.|1)?[.!?]?\s*\Z", re.IGNORECASE)


def chore_of(outline: Outline) -> Chore:
    """Which chore it is."""
    if outline.is_after_tools or outline.tool_count:
        return Chore.NONE
    if outline.max_output_tokens is not None and outline.max_output_tokens <= _PROBE_TOKENS and outline.turn_count <= 1:
        return Chore.QUOTA if _PROBE.match(outline.ask[: _PROBE_CHARS + 1]) else Chore.NONE
    if outline.chars > _MOST_CHARS:
        return Chore.NONE
    text = f"{outline.system}\n{outline.ask}".lower()
    found = next(
        (chore for chore, traces, task in _TASKS if any(trace in text for trace in traces) and _is_asked(task, outline)), Chore.NONE
    )
    return Chore.NONE if found is not Chore.NONE and _NEVER.search(text) else found


def is_housekeeping(outline: Outline) -> bool:
    """Whether it is any."""
    return chore_of(outline) is not Chore.NONE


def _is_asked(task: re.Pattern[str], outline: Outline) -> bool:
    """Whether the task is all there is: at the head of the system prompt or at an end of the ask, with a bound on the answer."""
    is_short = outline.max_output_tokens is not None and outline.max_output_tokens <= _SHORT_TOKENS
    if outline.system and task.search(outline.system[:_OPENING_CHARS]) and (is_short or _BRIEF.search(outline.system)):
        return True
    if outline.turn_count <= 2 and not any(trace in outline.ask.lower() for trace in _MATERIAL_TRACES):
        return False
    if not task.search(outline.ask[:_OPENING_CHARS]) and not task.search(outline.ask[-_OPENING_CHARS:]):
        return False
    is_about_talk = outline.turn_count > 2 or _MATERIAL.search(outline.ask) is not None
    return is_about_talk and (is_short or _BRIEF.search(outline.ask) is not None)
