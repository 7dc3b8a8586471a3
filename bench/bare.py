"""The yardstick of a judgment: a FastAPI endpoint that checks a body and stores nothing, on uvicorn as ours runs."""

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Asked(BaseModel):
    """The body of a judgment."""

    workflow_name: str
    input_data: dict[str, Any]


class Told(BaseModel):
    """An answer of the same kind."""

    verdict: str
    confidence: float
    workflow_name: str


app = FastAPI()


@app.post("/api/v2/judgment/execute")
async def execute(asked: Asked) -> Told:
    """Answer at once."""
    return Told(verdict="matched", confidence=1.0, workflow_name=asked.workflow_name)


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="error",
        access_log=False,
    )  # fmt: skip
