"""Terms texts as residents see them: the lead, the required consent, and sanitised HTML."""

from typing import Any

from resolvers.pages.rendering import Excerpt, excerpt_of
from tests.callers import BJORKEN, STOCKHOLM
from tests.kinds import SAMPLES
from tests.life import look, made
from tests.world import World

SAMPLE = SAMPLES["termsText"]
LONG = "Välkommen till **{{clinic.name}}**. " + "Vi finns nära dig. " * 30
LISTING: dict[str, Any] = {
    "service": "LISTING",
    "bookingConcerns": "",
    "informationToClinic": "",
    "namedDoctor": True,
    "terms": "",
}


async def previewed(world: World, clinic: str | None = None, **content: Any) -> dict[str, Any]:
    document = await made(world.region, SAMPLE, STOCKHOLM, **content)
    argument = f'(clinic: "{clinic}")' if clinic else ""
    shown: dict[str, Any] = (
        await look(
            world.region,
            SAMPLE,
            document,
            f"version {{ mustAccept clinicTextLead html{argument} }}",
        )
    )["version"]
    return {**shown, "html": shown["html"].replace(document, "ID")}


async def test_a_booking_shows_its_parts_and_a_checkbox(world: World) -> None:
    shown = await previewed(world)

    assert shown["mustAccept"] is True
    assert shown["clinicTextLead"] == "Välkommen till oss."
    assert shown["html"].splitlines() == [
        '<article class="terms-text" lang="sv" aria-labelledby="ID">',
        '<h2 id="ID">Villkor för tidbokning</h2>',
        "<p>Välkommen till <strong>oss</strong>.</p>",
        "",
        '<section aria-labelledby="ID-concerns">',
        '<h3 id="ID-concerns" lang="sv">Bokningen avser</h3>',
        "<p>Ett besök hos läkare.</p>",
        "",
        "</section>",
        '<section aria-labelledby="ID-information">',
        '<h3 id="ID-information" lang="sv">Information till mottagningen</h3>',
        "<p>Skriv kort varför du vill komma.</p>",
        "</section>",
        "<form>",
        '<section aria-labelledby="ID-terms">',
        '<h3 id="ID-terms" lang="sv">Villkor</h3>',
        "<p>Avboka senast <em>24 timmar</em> före besöket.</p>",
        "",
        (
            '<div lang="sv"><input type="checkbox" id="ID-accept" name="ID-accept" required> '
            '<label for="ID-accept">Jag godkänner villkoren</label></div>'
        ),
        "</section>",
        "</form>",
        "</article>",
    ]


async def test_a_listing_has_the_doctor_option_and_without_terms_no_checkbox(world: World) -> None:
    shown = await previewed(world, **LISTING)

    assert shown["mustAccept"] is False
    assert 'name="ID-doctor"' in shown["html"]
    assert "required" not in shown["html"]
    assert "Bokningen avser" not in shown["html"]


async def test_a_long_text_is_collapsed_after_its_first_300_characters(world: World) -> None:
    shown = await previewed(world, BJORKEN, clinicText=LONG)

    summary = shown["html"].split("<summary>")[1].split("…")[0]
    assert summary.startswith("Välkommen till Vårdcentralen Björken. Vi finns nära dig.")
    assert 280 < len(summary) <= 300
    assert shown["clinicTextLead"].startswith("Välkommen till {{clinic.name}}.")
    assert len(shown["clinicTextLead"]) <= 300
    assert shown["html"].count("Vi finns nära dig.") > 30


async def test_markup_in_plain_parts_is_escaped(world: World) -> None:
    shown = await previewed(
        world,
        name="A & <b>",
        informationToClinic="<script>alert(1)</script>",
        clinicText="\\<b\\> " + "lång text " * 60,
    )

    assert "<script>" not in shown["html"]
    assert '<h2 id="ID">A &amp; &lt;b&gt;</h2>' in shown["html"]
    assert "<summary>&lt;b&gt; lång text" in shown["html"]


def test_a_lead_ends_between_words() -> None:
    assert excerpt_of("Ett *två* tre", 8) == Excerpt("Ett två", cut=True)
    assert excerpt_of("Ett *två* tre", 7) == Excerpt("Ett två", cut=True)
    assert excerpt_of("Ett *två* tre", 11) == Excerpt("Ett två tre", cut=False)
    assert excerpt_of("# Ett\n\n- två\n- tre", 11) == Excerpt("Ett två tre", cut=False)
    assert excerpt_of("x" * 12, 10) == Excerpt("x" * 10, cut=True)
    assert excerpt_of("", 10) == Excerpt("", cut=False)
