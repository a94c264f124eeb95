"""From what was measured of a case to what is said about it. Pure functions; report.py prints them, measure.py writes them down."""
import dataclasses
import math

import bounds

OK, WRONG, UNAVAILABLE, FAILED, NOT_RUN = "ok", "wrong", "unavailable", "failed", "not run"


def summarise(case, contenders, ceilings):
    """The row of a case: the shape, every contender, the bound and our share of it, the ratio to the best peer, and the bars."""
    ours = next((c for c in contenders if c["name"] == "ours"), None)
    peers = [c for c in contenders if c["name"] != "ours"]
    time = seconds_of(ours)
    best = best_of(peers)
    floor = bounds.floor(case, ceilings)
    return {
        "name": case.name,
        "case": dataclasses.asdict(case),
        "contenders": contenders,
        "bytes": bounds.bytes_moved(case),
        "matrix_operations": bounds.matrix_operations(case),
        "exponentials": bounds.exponentials(case),
        "floor_seconds": floor[0] if floor else None,
        "bound": floor[1] if floor else None,
        "share_of_bound": floor[0] / time if floor and time else None,
        "gigabytes_per_second": bounds.bytes_moved(case) / time / 1e9 if time else None,
        "teraflops_per_second": bounds.matrix_operations(case) / time / 1e12 if time else None,
        "best_peer": best["name"] if best else None,
        "ratio": best["seconds"] / time if best and time else None,
        "bars": [bar_of(case, peers, time, *bar) for bar in case.bars] + absolute_bar(case, time),
    }


def seconds_of(contender):
    return contender.get("seconds") if contender and contender["status"] == OK else None


def best_of(peers, name="best"):
    """The fastest correct peer, of those whose name has the word."""
    timed = [peer for peer in peers if seconds_of(peer) and (name == "best" or name in peer["name"])]
    return min(timed, key=seconds_of) if timed else None


def bar_of(case, peers, time, against, ratio):
    best = best_of(peers, against)
    reached = best["seconds"] / time if best and time else None
    return {"against": against, "needed": ratio, "reached": reached, "met": reached >= ratio if reached else None}


def absolute_bar(case, time):
    if case.microseconds is None:
        return []
    return [{"against": "microseconds", "needed": case.microseconds, "reached": time * 1e6 if time else None, "met": time * 1e6 <= case.microseconds if time else None}]


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def group_means(rows):
    """Per group and over all: (group, cases with a ratio, geometric mean of the ratios)."""
    groups = {}
    for row in rows:
        if row.get("ratio"):
            groups.setdefault(row["case"]["group"], []).append(row["ratio"])
    means = [(group, len(ratios), geometric_mean(ratios)) for group, ratios in groups.items()]
    every = [ratio for ratios in groups.values() for ratio in ratios]
    return means + ([("all", len(every), geometric_mean(every))] if every else [])
