"""Print two tables about assignments and adoption, and save a plot, from two exports.

    python examples/report.py --url http://127.0.0.1:8000 \
        --token "$(casetypes token --role REPORTER --unit SE2321000016)" --plot report.png

Needs polars and matplotlib. Parquet files contain the types of the columns.
"""

import argparse
import io
import sys
import urllib.error
import urllib.request

import matplotlib as mpl
import polars as pl
from matplotlib import pyplot as plt

MAX_SHOWN = 20


def fetched(url: str, token: str, export: str) -> pl.DataFrame:
    """Read an export as a table."""
    request = urllib.request.Request(  # noqa: S310 - the user's own
        f"{url}/exports/{export}.parquet", headers={"authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310
        return pl.read_parquet(io.BytesIO(response.read()))


def per_clinic(assignments: pl.DataFrame) -> pl.DataFrame:
    """Count the case types of each clinic, and those that residents see."""
    counted = assignments.group_by("clinic", "clinicName").agg(
        pl.len().alias("caseTypes"), pl.col("active").sum().alias("shown")
    )
    return counted.sort("caseTypes", "clinic", descending=[True, False])


def lagging(adoption: pl.DataFrame) -> pl.DataFrame:
    """Count the clinics that have not acknowledged the published version, by case type.

    `behindSince` is the earliest time of each case type.
    """
    behind = adoption.filter(pl.col("behind") & (pl.col("clinics") > 0))
    counted = behind.group_by("caseType", "caseTypeName", "publishedVersion").agg(
        pl.col("clinics").sum(), pl.col("behindSince").min()
    )
    return counted.sort("clinics", "caseType", descending=[True, False])


def plotted(adoption: pl.DataFrame, path: str) -> None:
    """Save a bar chart of each case type's clinics, and of those that acknowledged its version."""
    taken = pl.col("clinics").filter(~pl.col("behind")).sum().alias("taken")
    shares = (
        adoption.group_by("caseType", "caseTypeName")
        .agg(taken, pl.col("clinics").sum().alias("all"))
        .sort("all", "caseType")
        .tail(MAX_SHOWN)
    )
    names = [
        f"{name} ({key[-6:]})"
        for key, name in shares.select("caseType", "caseTypeName").iter_rows()
    ]
    figure, axes = plt.subplots(figsize=(9, 1.5 + 0.35 * len(names)), layout="constrained")
    axes.barh(names, shares["all"].to_list(), color="#c9d6df", label="har ärendetypen")
    axes.barh(
        names, shares["taken"].to_list(), color="#1f6f8b", label="har kvitterat gällande version"
    )
    axes.set_xlabel("mottagningar")
    axes.legend(loc="lower right")
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    """Read the arguments, and make the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", required=True, help="of the server, such as http://127.0.0.1:8000")
    parser.add_argument("--token", required=True, help="a bearer token, such as a reporter's")
    parser.add_argument("--plot", default="report.png", help="where to save the plot")
    given = parser.parse_args()
    mpl.use("Agg")
    try:
        assignments, adoption = (
            fetched(given.url, given.token, export) for export in ("assignments", "adoption")
        )
    except urllib.error.HTTPError as refused:
        sys.exit(f"Refused: {refused.read().decode()}")
    with pl.Config(
        tbl_rows=MAX_SHOWN,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_width_chars=150,
    ):
        print(per_clinic(assignments))
        print(lagging(adoption))
    plotted(adoption, given.plot)


if __name__ == "__main__":
    main()
