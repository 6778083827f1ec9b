"""Jobs beside each other, which wait for processes of their own."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")


def beside(jobs: Sequence[Callable[[], T]], end: Callable[[], None], *, apart: bool) -> list[T]:
    """What each gives, in order.

    end: makes jobs that still run end soon, when one has raised or this one is interrupted; then
    that is raised. apart: whether they may run at once, as many as there are cores.
    """
    cores = len(os.sched_getaffinity(0))
    if not apart or min(cores, len(jobs)) == 1:
        return [job() for job in jobs]
    pool = ThreadPoolExecutor(cores)
    running = [pool.submit(job) for job in jobs]
    try:
        done, _ = wait(running, return_when=FIRST_EXCEPTION)
        failed = [one for one in running if one in done and one.exception() is not None]
        # What others raise once they are ended says nothing.
        return [one.result() for one in failed or running]
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        end()
        raise
    finally:
        pool.shutdown()
