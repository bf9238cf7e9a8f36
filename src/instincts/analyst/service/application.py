"""The HTTP of the service: routes, who may use them, and how they refuse.

A client never sees a traceback, and no log line holds a text under test. FastAPI's own documentation pages are off:
they load scripts from elsewhere.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from instincts import __version__
from instincts.analyst.policy import Policy, Verdict
from instincts.analyst.service import answers
from instincts.analyst.service.asking import Analyst, Case
from instincts.analyst.service.bodies import TREE_ID, AnalyzeBody, ModerationBody, RescoreBody, TextPart
from instincts.analyst.service.counters import Counters
from instincts.analyst.service.intake import Intake
from instincts.analyst.service.last_resort import LastResort
from instincts.analyst.service.limits import Buckets
from instincts.analyst.service.moderator import Grown, Moderator
from instincts.analyst.service.openapi import RESPONSES, document
from instincts.analyst.service.page import page
from instincts.analyst.service.recent import Recent
from instincts.analyst.service.refusals import CAUSES, Refusal, refusal
from instincts.analyst.service.rescoring import rescored
from instincts.analyst.service.settings import ServiceSettings
from instincts.analyst.service.shelf import PublishedError, Shelf, StaleError, parse_body
from instincts.analyst.service.storage import Store
from instincts.analyst.service.tenants import Scope, Tenant, Tenants
from instincts.errors import ConfigError, NoVerdictError, UnreadableReplyError

__all__ = ["Service", "application"]


class Service:
    """Everything that routes need, put together once."""

    def __init__(
        self,
        analyst: Analyst,
        *,
        store: Store,
        policy: str,
        tenants: Tenants | None = None,
        on_error: Verdict | None = None,
        settings: ServiceSettings | None = None,
    ) -> None:
        """Put a service together.

        Args:
            analyst: who grows trees.
            store: where they are kept.
            policy: a policy file, or a shipped policy's name.
            tenants: who may ask; one who needs no token if absent.
            on_error: what a text without a tree gets where the policy does not say it.
            settings: limits.

        Raises:
            ConfigError: a policy is none, or nothing says what a text without a tree gets.
        """
        self.analyst = analyst
        self.store = store
        self.settings = settings or ServiceSettings()
        self.tenants = tenants or Tenants({})
        self.shelf = Shelf(policy, store, self.tenants, on_error)
        self.moderator = Moderator(analyst, store, self.settings)
        self.counters = Counters()
        self.buckets = Buckets()
        self._reckoned = Recent[tuple[str, str], answers.Reckoned](self.settings.remembered)

    async def judge(
        self, tenant: Tenant, case: Case, policy: Policy, seconds: float | None = None
    ) -> answers.Judgement:
        """Judge one text and keep the verdict; a text without a tree gets what the policy says, and its cause."""
        began = time.perf_counter()
        try:
            found = self._judged(await self.moderator.grow(tenant, case, seconds), policy)
        except NoVerdictError as error:
            found = answers.unjudged(error, policy, self.shelf.on_error(policy))
        took = time.perf_counter() - began
        row = found.row(tenant, took)
        try:
            await self.store.write(row)
        except NoVerdictError as error:
            # A verdict that is not kept was not given.
            found = answers.unjudged(error, policy, self.shelf.on_error(policy))
        else:
            found = replace(found, id=row.id)
        self.counters.judged(tenant.name, found, time.perf_counter() - began)
        return found

    def _judged(self, grown: Grown, policy: Policy) -> answers.Judgement:
        key = grown.row.id, policy.digest
        if (numbers := self._reckoned.get(key)) is None:
            numbers = answers.reckoned(grown.row, policy, flag_review=self.settings.flag_review)
            self._reckoned.put(key, numbers)
        return answers.Judgement(policy=policy, verdict=numbers.verdict, reckoned=numbers, grown=grown)

    def admit(self, tenant: Tenant, count: int = 1) -> None:
        """Count requests against a tenant's rate.

        Raises:
            Refusal: 429.
        """
        rate, burst = tenant.rate or self.settings.rate, tenant.burst or self.settings.burst
        wait = self.buckets.take(tenant.name, rate=rate, burst=burst, count=count)
        if wait:
            raise Refusal(429, "rate_limit_exceeded", f"more than {rate:g} texts a second", retry_after=wait)

    def policy(self, tenant: Tenant, name: str | None) -> Policy:
        """Find a policy by name.

        Raises:
            Refusal: 404.
        """
        try:
            return self.shelf.find(tenant, name)
        except ConfigError as error:
            raise Refusal(404, "policy_not_found", str(error)) from None

    async def run(self) -> None:
        """Look after the policy file and after texts whose time has come, until cancelled."""
        beats = 0
        while True:
            await asyncio.sleep(_BEAT)
            self.shelf.reread()
            beats += 1
            if beats % _BEATS_BETWEEN_SWEEPS == 0:
                with contextlib.suppress(NoVerdictError):
                    await self.store.forget_texts()


def application(service: Service) -> FastAPI:
    """Build the ASGI application of a service."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.shelf.load()
        await service.store.forget_texts()
        running = asyncio.create_task(service.run())
        yield
        running.cancel()
        # The server has answered everybody; what nobody waits for any more is kept too.
        await service.moderator.drain()
        await service.store.close()

    app = FastAPI(
        title="instincts moderation", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
        responses=RESPONSES,
    )  # fmt: skip
    app.add_middleware(Intake, most_bytes=service.settings.body_bytes, seconds=service.settings.read_seconds)
    app.add_middleware(LastResort)
    app.openapi = lambda: document(app, needs_token=not service.tenants.is_open)  # type: ignore[method-assign]
    _refuse(app, service)
    _moderate(app, service)
    _judge_again(app, service)
    _show(app, service)
    _watch(app, service)
    return app


def _asks(service: Service, scope: Scope) -> Any:
    # Read by hand: a declared header costs FastAPI more than the rest of this, and the document says it elsewhere.
    async def who(request: Request) -> Tenant:
        tenant = service.tenants.find(request.headers.get("authorization"))
        if tenant is None:
            raise Refusal(401, "invalid_token", "no valid token; send Authorization: Bearer TOKEN")
        if scope not in tenant.scopes:
            raise Refusal(403, "missing_scope", f"your token has no scope {scope!r}")
        return tenant

    return Depends(who)


def _refuse(app: FastAPI, service: Service) -> None:
    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refusal)
        service.counters.refused(error.code)
        return refusal(error)

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        # Where and what, and never the value: that is the text under test.
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body")[:200]
        service.counters.refused("invalid_request")
        message = f"{_printable(place) or 'the body'}: {_printable(str(first['msg']))}"
        return refusal(Refusal(400, "invalid_request", message))

    async def other(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        answer = refusal(Refusal(error.status_code, "not_possible", str(error.detail)))
        answer.headers.update(error.headers or {})
        return answer

    async def lost(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, NoVerdictError)
        status, again = CAUSES[error.cause]
        return refusal(Refusal(status, error.cause, str(error), retry_after=again))

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, other)
    app.add_exception_handler(NoVerdictError, lost)


def _moderate(app: FastAPI, service: Service) -> None:
    @app.post("/v1/moderations", summary="Moderate texts, in OpenAI's schema")
    async def moderations(body: ModerationBody, tenant: Annotated[Tenant, _asks(service, "moderate")]) -> JSONResponse:
        texts = _texts(body, service.settings.inputs)
        service.admit(tenant, len(texts))
        policy = service.policy(tenant, None if _is_openais(body.model) else body.model)
        role = "user" if body.subject == "prompt" else "assistant"
        found = await asyncio.gather(
            *(service.judge(tenant, Case(((role, text),), body.subject), policy) for text in texts)
        )
        for each in found:
            # A tenant who sends too much is told so, whatever texts without a verdict get.
            if each.error is not None and (service.settings.error_reply == "status" or each.error.cause == "busy"):
                raise each.error
        results = [answers.moderation(each, flag_review=service.settings.flag_review) for each in found]
        return JSONResponse(answers.moderations(results, policy))

    @app.post("/v1/analyze", summary="Judge a prompt, a dialogue or an answer, with its tree")
    async def analyze(body: AnalyzeBody, tenant: Annotated[Tenant, _asks(service, "analyze")]) -> JSONResponse:
        service.admit(tenant)
        policy = service.policy(tenant, body.policy)
        began = time.perf_counter()
        seconds = body.deadline_ms / 1000 if body.deadline_ms is not None else None
        found = await service.judge(tenant, Case(body.turns, body.subject), policy, seconds)
        if found.error is not None and found.error.cause == "busy":
            raise found.error
        took = time.perf_counter() - began
        return JSONResponse(answers.analysis(found, analyst=service.analyst.digest, seconds=took))


def _judge_again(app: FastAPI, service: Service) -> None:
    @app.post("/v1/rescore", summary="Judge trees under policies; no model is asked")
    async def rescore(body: RescoreBody, tenant: Annotated[Tenant, _asks(service, "analyze")]) -> JSONResponse:
        service.admit(tenant)
        policies = [_given(service, tenant, each) for each in body.policies]
        try:
            return JSONResponse(await rescored(service.store, tenant, body, policies))
        except UnreadableReplyError as error:
            raise Refusal(400, "invalid_tree", _printable(str(error))) from None

    @app.get("/v1/policies", summary="The policies you can name, the service's first")
    async def policies(tenant: Annotated[Tenant, _asks(service, "analyze")]) -> JSONResponse:
        default = service.policy(tenant, None)
        rows = [_summary(each) for each in service.shelf.names(tenant)]
        return JSONResponse({"default": _summary(default), "policies": rows})

    @app.get("/v1/policies/{name}", summary="One policy")
    async def policy(name: str, tenant: Annotated[Tenant, _asks(service, "analyze")]) -> JSONResponse:
        found = service.policy(tenant, name)
        return JSONResponse({**_summary(found), "policy": found.to_data()}, headers={"etag": f'"{found.digest}"'})

    @app.put("/v1/policies/{name}", summary="Save a version of a policy of yours", status_code=201,
             responses={200: {"description": "The next version of one you had, or no change"}})  # fmt: skip
    async def put_policy(
        name: str,
        request: Request,
        tenant: Annotated[Tenant, _asks(service, "policy-write")],
        if_match: Annotated[str | None, Header(description="Digest of the version that this one replaces")] = None,
    ) -> JSONResponse:
        service.admit(tenant)
        try:
            saved = parse_body((await request.body()).decode(), request.headers.get("content-type", ""))
            if saved.name != name:
                raise ConfigError(f"the policy calls itself {_printable(saved.name)!r}, not what the address says")
            is_new = await service.shelf.publish(tenant, saved, expected=if_match.strip('"') if if_match else None)
        except StaleError as error:
            raise Refusal(412, "stale_policy", _printable(str(error))) from None
        except PublishedError as error:
            raise Refusal(409, "published_policy", _printable(str(error))) from None
        except ConfigError as error:
            raise Refusal(400, "invalid_policy", _printable(str(error))) from None
        return JSONResponse(_summary(saved), 201 if is_new else 200, {"etag": f'"{saved.digest}"'})


def _show(app: FastAPI, service: Service) -> None:
    @app.get("/", include_in_schema=False)
    async def root() -> Response:
        shown = page()
        return Response(shown.html, media_type="text/html; charset=utf-8", headers=shown.headers)

    @app.get("/v1/trees/{tree_id}", summary="One stored tree of yours")
    async def tree(tree_id: str, tenant: Annotated[Tenant, _asks(service, "analyze")]) -> JSONResponse:
        found = await service.store.trees(tenant.name, [tree_id]) if re.fullmatch(TREE_ID, tree_id) else []
        if not found:
            raise Refusal(404, "tree_not_found", "no tree of yours has this id")
        row = found[0]
        return JSONResponse({"tree_id": row.id, "subject": row.subject, "tree": row.tree.model_dump(mode="json")})


def _watch(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", summary="Whether the process answers")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok", "version": __version__})

    @app.get("/readyz", summary="Whether it can judge: its store, and the policy in force")
    async def readyz() -> JSONResponse:
        try:
            await service.store.ping()
        except NoVerdictError:
            return JSONResponse({"status": "store_down"}, 503)
        main = service.shelf.find(Tenant())
        return JSONResponse({"status": "ok", "policy": _summary(main), "policy_trouble": service.shelf.trouble})

    @app.get("/metrics", summary="For Prometheus", response_class=PlainTextResponse)
    async def metrics(_: Annotated[Tenant, _asks(service, "metrics")]) -> Response:
        service.counters.growing.set(service.moderator.busy.total())
        return Response(service.counters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _texts(body: ModerationBody, most: int) -> Sequence[str]:
    if isinstance(body.input, str):
        return [body.input]
    if not body.input:
        raise Refusal(400, "invalid_request", "input: no text")
    if len(body.input) > most:
        raise Refusal(400, "too_many_inputs", f"input: {len(body.input)} texts; at most {most} a request")
    parts = [each.text for each in body.input if isinstance(each, TextPart)]
    if parts:
        return ["\n".join(parts)]
    return [each for each in body.input if isinstance(each, str)]


def _given(service: Service, tenant: Tenant, each: str | dict[str, Any]) -> Policy:
    if isinstance(each, str):
        return service.policy(tenant, each)
    import json

    try:
        return parse_body(json.dumps(each), "application/json")
    except (ConfigError, RecursionError) as error:
        raise Refusal(400, "invalid_policy", _printable(str(error))) from None


def _is_openais(name: str | None) -> bool:
    # Clients send a model of OpenAI's by habit; they mean whatever moderates here.
    return name is None or name.startswith(("omni-moderation", "text-moderation"))


def _summary(policy: Policy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "version": policy.version,
        "digest": policy.digest,
        "description": policy.description,
        "lines": policy.lines._asdict(),
        "parent": policy.parent,
    }


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)[:500]


_BEAT = 2.0
"""Seconds between two looks at the policy file."""
_BEATS_BETWEEN_SWEEPS = 300
