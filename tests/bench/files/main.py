#!/usr/bin/python3
"""Files, as people use them: the workloads of a table, on LaceFS and on others beside it, one after another in each round."""
import argparse
import json
import os
import shutil
import sys
import tempfile

import report
from material import Material
from measure import Failed
from systems import SYSTEMS, LaceFs
from workloads import METRICS, WORKLOADS, Bench


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench files", description=__doc__, epilog=(
        "Needs root, to drop the kernel's caches. Cold: the client is mounted again and the kernel's caches are dropped; servers "
        "go on running. Each value is the median of all rounds; CPU seconds are those of client and servers. "
        "Workloads: %s. Systems: %s." % (", ".join(WORKLOADS), ", ".join(SYSTEMS))))
    parser.add_argument("--systems", default="", help="comma-separated (default: all that are installed)")
    parser.add_argument("--workloads", default=",".join(WORKLOADS), help="comma-separated (default: all)")
    parser.add_argument("--rounds", type=int, default=1, help="how often everything is measured (default 1; 3 for figures to cite)")
    parser.add_argument("--tree", help="a directory to copy around (default: a part of Debian's linux-source-6.1, downloaded once)")
    parser.add_argument("--scratch", help="where everything is kept while measuring (default: a new directory in TMPDIR or /tmp)")
    parser.add_argument("--material", default=os.path.join(tempfile.gettempdir(), "lace-bench-material"),
                        help="where the tree is kept for the next time (default %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the results there, all values; - is standard output")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there, too")
    parser.add_argument("--picture", metavar="FILE", help="draw it there (SVG)")
    parser.add_argument("--lace", default=shutil.which("lace"), help="the lace program (default: the one just built)")
    return parser.parse_args()


def chosen(names, known, what):
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit("bench: there is no %s %s; there are: %s" % (what, unknown[0], ", ".join(known)))
    return [known[name] for name in names]


def systems_of(options, scratch):
    LaceFs.program = options.lace
    asked = options.systems.split(",") if options.systems else list(SYSTEMS)
    found = []
    for system in (kind(scratch) for kind in chosen(asked, SYSTEMS, "system")):
        why = system.missing()
        if why and options.systems:
            sys.exit("bench: %s can't be measured: %s" % (system.name, why))
        if why:
            print("bench: without %s: %s" % (system.name, why), file=sys.stderr)
        else:
            found.append(system)
    return found


def measure(system, workloads, material, results):
    try:
        system.start()
        results.systems[system.name] = system.version()
        bench = Bench(system, material)
        for workload in workloads:
            try:
                for metric, value, sample in workload(bench):
                    results.add(system.name, metric, value, sample)
                    print("%-12s %-46s %10s %s" % (system.name, METRICS[metric].title, report.number(value), METRICS[metric].unit),
                          file=sys.stderr, flush=True)
            except (Failed, OSError) as error:
                print("bench: %s: %s failed: %s" % (system.name, workload.__name__, error), file=sys.stderr)
                results.failed = True
    finally:
        system.stop()


def write(path, text):
    if path == "-":
        sys.stdout.write(text)
    elif path:
        with open(path, "w") as file:
            file.write(text)


def main():
    options = arguments()
    workloads = chosen(options.workloads.split(","), WORKLOADS, "workload")
    if os.geteuid() != 0:
        sys.exit("bench: must be root, to drop the kernel's caches")
    scratch = tempfile.mkdtemp(prefix="lace-bench.", dir=options.scratch)
    results = report.Results()
    results.failed = False
    try:
        material = Material(options.material)
        material.prepare(options.tree)
        systems = systems_of(options, scratch)
        for _ in range(options.rounds):
            for system in systems:
                measure(system, workloads, material, results)
    except Failed as error:
        sys.exit("bench: %s" % error)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    write(options.json, json.dumps(results.as_json(), indent=1) + "\n")
    write(options.markdown, report.markdown(results))
    write(options.picture, report.picture(results))
    if options.json != "-":
        sys.stdout.write(report.markdown(results))
    sys.exit(1 if results.failed else 0)


if __name__ == "__main__":
    main()
