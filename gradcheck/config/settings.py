"""How a run goes: each option with its type, default and description, written once, here."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from gradcheck.config.model import Keys

Framework = Literal["auto", "numpy", "torch", "jax"]
Reference = Literal["auto", "central", "complex"]
Backend = Literal["loky", "dask"]
_Texts = Annotated[tuple[str, ...], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)]


class Settings(Keys):
    """The options of a run that do not change the problems; ``gradcheck run --help`` shows their descriptions."""

    strict: Annotated[bool, Field(description="Fail on unresolved entries and on warnings too.")] = False
    fail_fast: Annotated[bool, Field(description="Stop at the first problem that fails.")] = False
    framework: Annotated[Framework, Field(description="Whose arrays the loss gets; auto recognises it.")] = "auto"
    reference: Annotated[Reference, Field(description="Central differences or complex steps, or auto.")] = "auto"
    worst: Annotated[int, Field(ge=1, description="Number of worst entries to find and show in each problem.")] = 10
    jobs: Annotated[int, Field(description="Processes that call the losses; 0 for one on each core.")] = 1
    backend: Annotated[Backend, Field(description="Where they run: loky here, dask on a cluster.")] = "loky"
    scheduler: Annotated[str | None, Field(description="Address of the dask cluster's scheduler.")] = None
    max_seconds: Annotated[float | None, Field(description="End the run after so many seconds.")] = None
    timeout: Annotated[float | None, Field(description="Stop a call of a loss after so many seconds.")] = None
    entry: Annotated[_Texts, Field(description="How this entry's difference settles as the step falls: W[2,3].")] = ()
    like: Annotated[Any, Field(description="Target whose value and gradient it must have: svm, m:f, torch:m.f.")] = None


#: Where no option is given. They are valid as they stand: the validators need not be built for them.
DEFAULTS = Settings.model_construct()
