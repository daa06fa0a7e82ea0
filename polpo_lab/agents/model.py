"""`ModelAgent`: a language model with tools. The loop is pydantic-ai's, and runs in the server.

So the key stays in the server, while every tool acts in a process of the sandbox. A fix
round goes on with the conversation of its attempt; a retry starts a new one.
"""

from __future__ import annotations

import polpo_lab.llm  # noqa: F401  # first of all: it says how to get the extra

# isort: split
import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from pydantic_ai import Agent, AgentRunResult, AgentRunResultEvent, AgentStreamEvent
from pydantic_ai.agent import AgentRunEvents
from pydantic_ai.exceptions import UsageLimitExceeded, UserError
from pydantic_ai.messages import (
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    ModelMessage,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.usage import UsageLimits

from polpo_lab.agents.grants import granted_folders, granted_network
from polpo_lab.agents.merging import merge
from polpo_lab.agents.model_prompt import DEFAULT_INSTRUCTIONS, fix_prompt, opening_prompt
from polpo_lab.agents.model_tools import TOOL_NAMES, ToolBox
from polpo_lab.agents.naming import checked_name
from polpo_lab.agents.pickled import version_of_text
from polpo_lab.agents.task_file import task_environment
from polpo_lab.agents.view import AgentEvent, Ended, Output, TaskView, ToolUse
from polpo_lab.errors import InvalidArgument, PolpoLabError
from polpo_lab.hostile_text import valid_unicode
from polpo_lab.llm.language_model import LanguageModel, declare
from polpo_lab.llm.patience import PatientModel
from polpo_lab.sandbox import Sandbox

MAX_TURNS = 50
# How often a model may call one tool with arguments that do not fit, one time after the other.
_TOOL_RETRIES = 3


class ModelAgent:
    """A language model that works on a task with tools.

    Parameters
    ----------
    name : str
    model : LanguageModel
    tools : ToolBox, optional
        All of ours by default.
    instructions : str, optional
        Who the model is and how it shall work, in place of ours.
    max_turns : int
        Most requests to the model in a round.
    description, version : str, optional
        The version is joined to the hash of what was declared.

    Raises
    ------
    InvalidArgument
        For a name or a number of turns that cannot be.
    """

    kind = "model"
    inline = False

    def __init__(
        self,
        name: str,
        model: LanguageModel,
        *,
        tools: ToolBox | None = None,
        instructions: str | None = None,
        max_turns: int = MAX_TURNS,
        description: str | None = None,
        version: str | None = None,
    ) -> None:
        self.name = checked_name(name)
        if type(max_turns) is not int or max_turns < 1:
            raise InvalidArgument(f"max_turns={max_turns!r} must be a whole number from 1 on")
        self._model = model
        self._tools = tools or ToolBox(TOOL_NAMES)
        self._instructions = DEFAULT_INSTRUCTIONS if instructions is None else instructions
        self._max_turns = max_turns
        offered = ", ".join(self._tools.names()) or "no tools"
        self.description = f"{model.name} with {offered}" if description is None else description
        self.version = version_of_text(self._declared(), version)
        self._conversations: dict[Path, list[ModelMessage]] = {}

    @property
    def model(self) -> str:
        """The model's name where the policy names no other."""
        return self._model.name

    def _declared(self) -> str:
        declared = {
            **self._model.declared(),
            "instructions": self._instructions,
            "tools": self._tools.declared(),
            "network": self._tools.network,
            "max_turns": self._max_turns,
        }
        return json.dumps(declared, sort_keys=True)

    async def run(self, view: TaskView, sandbox: Sandbox) -> AsyncIterator[AgentEvent]:
        """Work on the task; see `polpo_lab.agents.agent.Agent.run`."""
        pauses = _Pauses()
        sources = merge(self._conversation(view, sandbox, pauses), pauses.told())
        try:
            async with aclosing(sources) as events:
                async for event in events:
                    yield event
        except Exception as error:  # noqa: BLE001  # no model could be had, or no workspace
            yield Ended("crash", error=self._in_words(error, self._model))

    async def _conversation(
        self, view: TaskView, sandbox: Sandbox, pauses: _Pauses
    ) -> AsyncGenerator[AgentEvent, None]:
        try:
            model = self._model.called(view.model)
            tools = self._tools.at(view.workspace, sandbox, task_environment(view))
            async with model.opened(pauses.begin) as asked:
                agent = Agent(
                    asked,
                    instructions=self._instructions,
                    tools=tools,
                    retries=_TOOL_RETRIES,
                    model_settings=model.settings(view.seed),
                )
                async with aclosing(self._talk(agent, asked, model, view)) as events:
                    async for event in events:
                        yield event
        finally:
            pauses.end()

    async def _talk(
        self, agent: Agent[None, str], asked: PatientModel, model: LanguageModel, view: TaskView
    ) -> AsyncGenerator[AgentEvent, None]:
        end = Ended("crash", error="the model ended without an answer")
        listening = _Listening()
        async with agent.run_stream_events(
            self._prompt(view),
            message_history=self._conversations.get(view.workspace),
            usage_limits=UsageLimits(request_limit=self._max_turns),
            infer_name=False,
        ) as events:
            try:
                async for event in events:
                    for told in listening.to(event):
                        yield told
                    if isinstance(event, FunctionToolCallEvent):
                        yield model.spent(events.new_messages(), asked.waiting_seconds)
                    elif isinstance(event, AgentRunResultEvent):
                        end = _end_of(event.result)
                        self._remember(view.workspace, event.result.all_messages())
            except Exception as error:  # noqa: BLE001  # a provider, or a tool, may raise anything
                end = Ended("crash", error=self._in_words(error, model))
            yield model.spent(_new_messages(events), asked.waiting_seconds)
        yield end

    def _prompt(self, view: TaskView) -> str:
        goes_on = view.workspace in self._conversations
        return fix_prompt(view) if goes_on else opening_prompt(view)

    def _remember(self, workspace: Path, messages: list[ModelMessage]) -> None:
        """Keep a conversation for the fix rounds of its attempt, whose life is its folder's."""
        for other in [path for path in self._conversations if not path.exists()]:
            del self._conversations[other]
        self._conversations[workspace] = messages

    def _in_words(self, error: Exception, model: LanguageModel) -> str:
        if isinstance(error, UsageLimitExceeded):
            return f"no result within max_turns={self._max_turns} requests to the model"
        if isinstance(error, PolpoLabError):
            return str(error)
        return model.in_words(error)


def _end_of(result: AgentRunResult[str]) -> Ended:
    last = result.response
    said_why = last.finish_reason or (last.provider_details or {}).get("finish_reason")
    if last.provider_response_id is not None and not said_why:
        # A provider says why it stopped; one that did not was broken off unnoticed.
        return Ended("crash", error="the model's answer broke off before its end")
    return Ended("ok", content=valid_unicode(result.output))


def _new_messages(events: AgentRunEvents[Any]) -> list[ModelMessage]:
    try:
        return events.new_messages()
    except UserError:  # it failed before it began
        return []


class _Pauses:
    """Tells of each wait for the provider as it begins; the library is silent until it is over."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Output | None] = asyncio.Queue()

    def begin(self, seconds: float, why: str) -> None:
        self._queue.put_nowait(Output(f"[waiting {seconds:.1f} s for {why}]\n", "stderr"))

    def end(self) -> None:
        self._queue.put_nowait(None)

    async def told(self) -> AsyncGenerator[AgentEvent, None]:
        while (told := await self._queue.get()) is not None:
            yield told


class _Listening:
    """Turns what the library tells of a run into what is told of an agent."""

    def __init__(self) -> None:
        self._calls: dict[str, tuple[ToolCallPart, float]] = {}
        self._told = ""

    def to(self, event: AgentStreamEvent | AgentRunResultEvent[Any]) -> Iterator[AgentEvent]:
        """Yield what an event means: text, or a tool call that has its result."""
        match event:
            case PartStartEvent(part=TextPart(content=text)):
                if self._told and not self._told.endswith("\n"):
                    yield self._output("\n")  # so that what is said next begins a line
                yield self._output(text)
            case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                yield self._output(text)
            case FunctionToolCallEvent(part=call):
                self._calls[call.tool_call_id] = (call, time.monotonic())
            case FunctionToolResultEvent(part=result):
                yield self._tool_use(result)

    def _output(self, text: str) -> Output:
        self._told = text or self._told
        return Output(text)

    def _tool_use(self, result: ToolReturnPart) -> ToolUse:
        call, began = self._calls.pop(result.tool_call_id, (None, None))
        went_well = result.outcome == "success"
        return ToolUse(
            tool=result.tool_name,
            input=None if call is None else _arguments(call),
            output=result.content if went_well else None,
            error=None if went_well else result.model_response_str(wrap_if_error=False),
            duration_ms=None if began is None else round((time.monotonic() - began) * 1000, 3),
            id=result.tool_call_id,
        )


def _arguments(call: ToolCallPart) -> Any:
    if not isinstance(call.args, str):
        return call.args
    try:
        return json.loads(call.args)
    except ValueError:  # the model wrote no JSON: this is what it wrote
        return call.args


def model_agent(
    name: str,
    model: Any,
    *,
    tools: Sequence[str | Callable[..., Any]] | None = None,
    network: bool = False,
    read_only: Sequence[Path] = (),
    instructions: str | None = None,
    max_turns: int | None = None,
    description: str | None = None,
    version: str | None = None,
    **of_model: Any,
) -> ModelAgent:
    """Make an agent of what a user types; ``of_model`` is as of `language_model.declare`."""
    return ModelAgent(
        name,
        declare(model, **of_model),
        tools=ToolBox(
            TOOL_NAMES if tools is None else tools,
            granted_network(network),
            granted_folders(read_only),
        ),
        instructions=instructions,
        max_turns=MAX_TURNS if max_turns is None else max_turns,
        description=description,
        version=version,
    )
