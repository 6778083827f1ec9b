"""What each path of Open Inference Protocol V2 answers: a status and a JSON document."""

import re
from collections.abc import Mapping
from typing import Any

from edgeml.errors import ContractError, EngineError
from edgeml_runtime.serving import protocol
from edgeml_runtime.serving.live import Live, NoModelError

Answer = tuple[int, dict[str, Any]]
_MODEL = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(?:/(ready|infer))?")


def error(status: int, sentence: str) -> Answer:
    return status, {"error": sentence}


class Answers:
    """Answers for the live models, by name; safe from any thread, and it never raises."""

    def __init__(self, models: Mapping[str, Live]) -> None:
        self._models = models
        self._names = ", ".join(models)

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        path = path.partition("?")[0].rstrip("/")
        if path in ("/v2", "/v2/health/live", "/v2/health/ready"):
            return self._health(path) if method == "GET" else _not_allowed(method, path)
        match = _MODEL.fullmatch(path)
        if match is None:
            return error(404, f"There is no {path or '/'}; see /v2/models/{min(self._models)}.")
        model, version, verb = match.groups()
        if method != ("POST" if verb == "infer" else "GET"):
            return _not_allowed(method, path)
        live = self._models.get(model)
        if live is None:
            return error(404, f"There is no model {model!r}; this device serves {self._names}.")
        identity, contract = live.identity, live.contract
        if identity is None or contract is None:
            return error(503, "No model has been taken up yet; publish a release for this device.")
        if version not in (None, identity.version):
            return self._other(str(version), identity.version)
        if verb == "ready":
            return 200, {"name": identity.model, "ready": True}
        if verb is None:
            return 200, protocol.model_metadata(identity, contract)
        return self._infer(live, model, body, version)

    def _health(self, path: str) -> Answer:
        match path:
            case "/v2":
                return 200, protocol.server_metadata()
            case "/v2/health/live":
                return 200, {"live": True}
            case _:
                ready = all(live.identity for live in self._models.values())
                return 200 if ready else 503, {"ready": ready}

    def _infer(self, live: Live, model: str, body: bytes, version: str | None) -> Answer:
        try:
            request = protocol.read_request(body)
            contract = live.contract
            if contract is not None:
                protocol.check_outputs(request, contract)
            prediction = live.predict(protocol.tensors(request))
            document = protocol.response(request, model, prediction)
        except ContractError as refused:
            return error(400, str(refused))
        except NoModelError as missing:
            return error(503, str(missing))
        except EngineError as failed:
            return error(500, str(failed))
        if version not in (None, prediction.version):  # swapped since the question was read
            return self._other(str(version), prediction.version)
        return 200, document

    def _other(self, asked: str, live: str) -> Answer:
        return error(404, f"Version {asked!r} is not live; {live!r} is.")


def _not_allowed(method: str, path: str) -> Answer:
    return error(405, f"{method} is not possible on {path}; use GET, or POST for infer.")
