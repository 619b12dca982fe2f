"""Recognises the family of clients in a user agent.

The client chooses its user agent freely: it groups honest clients, and shows which client a campaign
imitates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agent:
    """A client family, its version up to the second number (empty where unknown), and whether it is a program
    rather than a browser.
    """

    family: str
    version: str
    is_program: bool


# Pattern, family, and whether it is a program. The first match is used: SDKs also name the library they are
# built on, and browsers name each other.
FAMILIES: tuple[tuple[str, str, bool], ...] = (
    (r"\bAnthropic/(?:Python|JS|Go|Java)[ /]?([\d.]+)", "anthropic-sdk", True),
    (r"\bOpenAI/(?:Python|JS|NodeJS|Go|Java)[ /]?([\d.]+)", "openai-sdk", True),
    (r"\blitellm[/ ]([\d.]+)", "litellm", True),
    (r"\blangchain[\w-]*[/ ]([\d.]+)", "langchain", True),
    (r"\bclaude-cli/([\d.]+)", "claude-cli", True),
    (r"\bBoto3/([\d.]+)", "boto3", True),
    (r"\baws-sdk-[\w-]+/([\d.]+)", "aws-sdk", True),
    (r"\bgoogle-genai-sdk/([\d.]+)", "google-genai", True),
    (r"\bpython-requests/([\d.]+)", "python-requests", True),
    (r"\bpython-httpx/([\d.]+)", "httpx", True),
    (r"\baiohttp/([\d.]+)", "aiohttp", True),
    (r"\bPython-urllib/([\d.]+)", "urllib", True),
    (r"\bScrapy/([\d.]+)", "scrapy", True),
    (r"\bcurl/([\d.]+)", "curl", True),
    (r"\bWget/([\d.]+)", "wget", True),
    (r"\bGo-http-client/([\d.]+)", "go-http", True),
    (r"\bokhttp/([\d.]+)", "okhttp", True),
    (r"\baxios/([\d.]+)", "axios", True),
    (r"\bnode-fetch(?:/([\d.]+))?", "node-fetch", True),
    (r"\bundici(?:/([\d.]+))?", "undici", True),
    (r"\bJava(?:-http-client)?/([\d.]+)", "java", True),
    (r"\breqwest/([\d.]+)", "reqwest", True),
    (r"\bPostmanRuntime/([\d.]+)", "postman", True),
    (r"\bHeadlessChrome/([\d.]+)", "headless chrome", True),
    (r"\bEdg/([\d.]+)", "edge", False),
    (r"\bOPR/([\d.]+)", "opera", False),
    (r"\bFirefox/([\d.]+)", "firefox", False),
    (r"\bChrome/([\d.]+)", "chrome", False),
    (r"\bVersion/([\d.]+).*Safari/", "safari", False),
)
# `FAMILIES` with compiled patterns.
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE), family, program) for pattern, family, program in FAMILIES
)
MAX_AGENT_LENGTH = 2_000  # characters of a user agent that are searched


def family(user_agent: str) -> Agent | None:
    """The family that a user agent names; None where it is none of `FAMILIES`."""
    for pattern, name, is_program in _PATTERNS:
        match = pattern.search(user_agent[:MAX_AGENT_LENGTH])
        if match:
            version = ".".join((match.group(1) or "").split(".")[:2])
            return Agent(name, version, is_program)
    return None
