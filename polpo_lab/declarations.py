"""What ``lab.agent`` and ``lab.judge`` are: decorator and factory in one, as a user types them.

What is made here is made elsewhere too, from an agents file; see `polpo_lab.agents.loading`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from pydantic import SecretStr

from polpo_lab.errors import InvalidArgument

if TYPE_CHECKING:
    from polpo_lab.agents.registry import AgentRegistry
    from polpo_lab.assess.judges import JudgePanel

F = TypeVar("F", bound=Callable[..., Any])
Isolation = Literal["worker", "inline"]


class AgentDeclaration:
    """Makes a function, a command or a language model an agent of the embedded server.

    Parameters
    ----------
    registry : callable
        Returns the server's agents; raises where there is no server of this process.
    """

    def __init__(self, registry: Callable[[], AgentRegistry]) -> None:
        self._registry = registry

    @overload
    def __call__(self, fn: F, /, **options: Any) -> F: ...
    @overload
    def __call__(
        self, fn: None = None, /, *, argv: Sequence[str], name: str, **options: Any
    ) -> str: ...
    @overload
    def __call__(self, fn: None = None, /, *, model: Any, name: str, **options: Any) -> str: ...
    @overload
    def __call__(self, fn: None = None, /, **options: Any) -> Callable[[F], F]: ...

    def __call__(  # type: ignore[misc]  # the overloads' **options are these keywords
        self,
        fn: F | None = None,
        /,
        *,
        name: str | None = None,
        description: str | None = None,
        version: str | None = None,
        isolation: Isolation = "worker",
        network: bool = False,
        read_only: Sequence[Path] = (),
        argv: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        stream: Sequence[Mapping[str, Any]] | None = None,
        model: Any = None,
        base_url: str | None = None,
        key: str | SecretStr | None = None,
        instructions: str | None = None,
        tools: Sequence[str | Callable[..., Any]] | None = None,
        max_turns: int | None = None,
        temperature: float | None = None,
        prices: Mapping[str, Sequence[float]] | None = None,
    ) -> Any:
        """Make an agent; one of a name that is taken is replaced.

        Used as ``@lab.agent``, as ``@lab.agent(name=...)``, as
        ``lab.agent(name=..., argv=[...])`` for a command, or as
        ``lab.agent(name=..., model="openai:...")`` for a language model (extra ``llm``).

        Parameters
        ----------
        fn : callable, optional
            Takes the task view; returns text, or yields ``str`` and `ToolUse`.
        name : str, optional
            The function's name by default; needed for a command and a model.
        description : str, optional
            First line of the docstring by default.
        version : str, optional
            Declared by you; joined to the hash of the source.
        isolation : {"worker", "inline"}
            Of a function. ``"worker"``: a sandboxed process of its own for each run.
            ``"inline"``: in the server's own loop, for trusted async functions.
        network : bool
            Whether the sandbox lets it reach the network; of a model: its shell.
        read_only : sequence of pathlib.Path
            Folders it may read.
        argv : sequence of str, optional
            A command; ``{title}``, ``{description}``, ``{workspace}``, ``{attempt}``,
            ``{round}`` and ``{model}`` are filled in.
        env : mapping of str to str, optional
            Environment of the command.
        stream : sequence of mapping, optional
            What the JSON lines that the command prints mean; see docs/agents.md.
        model : str or pydantic_ai.models.Model, optional
            A language model: a name such as ``"openai:gpt-5"``, or a model object.
        base_url : str, optional
            Another server that speaks the API of the model's provider.
        key : str or pydantic.SecretStr, optional
            The provider's key; by default the variable it is known for, such as
            ``OPENAI_API_KEY``. It stays in this process and is shown nowhere.
        instructions : str, optional
            Who the model is and how it shall work.
        tools : sequence of str or callable, optional
            Of ``"read"``, ``"write"``, ``"edit"``, ``"list"``, ``"grep"`` and ``"shell"``,
            which act in the task's sandboxed workspace; all by default. Python functions are
            tools too: trusted, in this process.
        max_turns : int, optional
            Most requests to the model in a round; 50 by default.
        temperature : float, optional
            Of the model; the provider's own by default.
        prices : mapping of str to (float, float), optional
            Dollars per million tokens in and out by model, before the built-in table.

        Returns
        -------
        callable or str
            The function itself, so that it can still be called; a command's or model's name.

        Raises
        ------
        InvalidArgument, NotPicklable
            When it cannot be an agent, saying why.
        MissingExtra
            For a model, when the extra ``llm`` is not installed.
        UnsupportedByServer
            When the server is not embedded in this process.
        """
        agents = self._registry()
        _check_texts(name=name, description=description, version=version, instructions=instructions)
        of_command = {"env": env, "stream": stream}
        of_model = {
            "base_url": base_url,
            "key": key,
            "instructions": instructions,
            "tools": tools,
            "max_turns": max_turns,
            "temperature": temperature,
            "prices": prices,
        }
        common = {"description": description, "version": version}
        granted = {"network": network, "read_only": read_only}
        if model is not None:
            _refuse_others("model", fn=fn, argv=argv, **of_command)
            agents.add(_model_agent(_named(name, "model"), model, **of_model, **common, **granted))
            return name
        _refuse_others("function or a command", **of_model)
        if argv is not None:
            _refuse_others("command", fn=fn)
            agents.add(_command(_named(name, "argv"), argv, **of_command, **common, **granted))
            return name
        _refuse_others("function", **of_command)
        if isolation not in ("worker", "inline"):
            raise InvalidArgument(f"isolation={isolation!r} is unknown: use 'worker' or 'inline'")

        def register(function: F) -> F:
            agents.add(_function(function, isolation, name=name, **common, **granted))
            return function

        return register if fn is None else register(fn)


class JudgeDeclaration:
    """Makes a function or a language model a judge of the embedded server.

    Parameters
    ----------
    panel : callable
        Returns the server's judges; raises where there is no server of this process.
    """

    def __init__(self, panel: Callable[[], JudgePanel]) -> None:
        self._panel = panel

    def __call__(
        self,
        fn: F | None = None,
        /,
        *,
        match: Any = None,
        name: str | None = None,
        version: str | None = None,
        isolation: Isolation = "worker",
        model: Any = None,
        reviewers: int | None = None,
        base_url: str | None = None,
        key: str | SecretStr | None = None,
        instructions: str | None = None,
        temperature: float | None = None,
        prices: Mapping[str, Sequence[float]] | None = None,
    ) -> Any:
        """Make a judge; one of a name that is taken is replaced.

        Used as ``@lab.judge``, as ``@lab.judge(match=...)``, or as
        ``lab.judge(model="openai:...", reviewers=3)`` for a language model (extra ``llm``).

        Parameters
        ----------
        fn : callable, optional
            ``(criterion, task, result) -> Score``.
        match : str, re.Pattern or callable, optional
            The criteria it takes: a text they contain (in any case), a pattern they match,
            or a rule. All, when left out. Several judges of one criterion are its reviewers.
        name : str, optional
            The function's name, or the model's, by default.
        version : str, optional
            As of agents.
        isolation : {"worker", "inline"}
            As of agents.
        model : str or pydantic_ai.models.Model, optional
            A language model, as of agents.
        reviewers : int, optional
            How many times it is asked, each answer being one reviewer's; 3 by default.
        base_url : str, optional
            As of agents, like what follows.
        key : str or pydantic.SecretStr, optional
            The provider's key.
        instructions : str, optional
            Added to what every judge is told.
        temperature : float, optional
            Of the model.
        prices : mapping of str to (float, float), optional
            Dollars per million tokens in and out by model.

        Returns
        -------
        callable or str
            The function itself; a model judge's name.

        Raises
        ------
        InvalidArgument, NotPicklable
            When it cannot be a judge, saying why.
        MissingExtra
            For a model, when the extra ``llm`` is not installed.
        UnsupportedByServer
            When the server is not embedded in this process.
        """
        judges = self._panel()
        _check_texts(name=name, version=version, instructions=instructions)
        of_model = {
            "base_url": base_url,
            "key": key,
            "temperature": temperature,
            "prices": prices,
        }
        if model is not None:
            from polpo_lab.assess.model_judges import model_judge

            _refuse_others("model", fn=fn)
            made = model_judge(
                model,
                name=name,
                match=match,
                version=version,
                reviewers=3 if reviewers is None else reviewers,
                instructions=instructions,
                **of_model,
            )
            judges.add(made)
            return made.name
        _refuse_others("function", reviewers=reviewers, instructions=instructions, **of_model)
        from polpo_lab.assess.judges import judge

        def register(function: F) -> F:
            judges.add(
                judge(match=match, name=name, version=version, isolation=isolation)(function)
            )
            return function

        return register if fn is None else register(fn)


def _check_texts(**given: Any) -> None:
    for option, value in given.items():
        if not isinstance(value, str | None):
            raise InvalidArgument(f"{option}={value!r:.80} must be a text")


def _named(name: str | None, by: str) -> str:
    if name is None:
        raise InvalidArgument(f"such an agent needs a name: lab.agent(name=..., {by}=...)")
    return name


def _refuse_others(kind: str, **options: Any) -> None:
    given = next((option for option, value in options.items() if value is not None), None)
    if given is not None:
        raise InvalidArgument(f"{given}= does not belong to a {kind}: leave it out")


def _model_agent(name: str, model: Any, **options: Any) -> Any:
    from polpo_lab.agents.model import model_agent

    return model_agent(name, model, **options)


def _command(name: str, argv: Sequence[str], **options: Any) -> Any:
    from polpo_lab.agents.command import CommandAgent

    options["description"] = options["description"] or ""
    return CommandAgent(name, argv, **options)


def _function(fn: Callable[..., Any], isolation: str, **options: Any) -> Any:
    from polpo_lab.agents.function import FunctionAgent
    from polpo_lab.agents.inline import InlineAgent

    if isolation == "inline":
        del options["network"], options["read_only"]
        return InlineAgent(fn, **options)
    return FunctionAgent(fn, **options)
