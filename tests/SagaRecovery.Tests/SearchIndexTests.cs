using SagaRecovery.Operations;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;

namespace SagaRecovery.Tests;

public sealed class SearchIndexTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_filter_without_a_condition_reads_the_newest_of_each_definition()
    {
        SearchIndex.Of(new SagaFilter()).Should().Equal(new SearchIndex(SearchIndexKind.Definition));
        SearchIndex.Of(new SagaFilter { State = SagaState.Succeeded, Owner = new CoordinatorId(Guid.NewGuid()) }).Should().Equal(new SearchIndex(SearchIndexKind.Definition));
    }

    [Fact]
    public void Each_condition_brings_its_index_and_the_most_selective_comes_first()
    {
        var filter = new SagaFilter
        {
            Tags = [new SagaTag("a", "1"), new SagaTag("b", "2")],
            HeldOnly = true,
            FailedNode = "n",
            ErrorCode = "c",
            State = SagaState.Stuck,
            UnfinishedOnly = true,
            Name = "d",
        };

        SearchIndex.Of(filter).Should().Equal(
            new SearchIndex(SearchIndexKind.Tag), new SearchIndex(SearchIndexKind.Tag, 1), new SearchIndex(SearchIndexKind.Held), new SearchIndex(SearchIndexKind.FailedNode),
            new SearchIndex(SearchIndexKind.ErrorCode), new SearchIndex(SearchIndexKind.NotSucceeded), new SearchIndex(SearchIndexKind.Unfinished),
            new SearchIndex(SearchIndexKind.Definition));
    }

    [Fact]
    public void A_place_in_the_list_survives_its_text_form()
    {
        var place = new SagaCursor(s_now.AddTicks(1234560), SagaId.NewAt(s_now));

        SagaCursor.TryParse(place.ToString(), out SagaCursor parsed).Should().BeTrue();
        parsed.Should().Be(place);
        place.ToString().Should().MatchRegex("^[A-Za-z0-9_-]{32}$");
        foreach (string odd in (string[])["", "x", place.ToString()[..31], place + "A", new string('_', 32), place.SagaId.ToString()])
        {
            SagaCursor.TryParse(odd, out _).Should().BeFalse(odd);
        }
    }

    [Theory]
    [InlineData("90m", "2026-11-30T10:30:00Z")]
    [InlineData("1.5h", "2026-11-30T10:30:00Z")]
    [InlineData("7d", "2026-11-23T12:00:00Z")]
    [InlineData("2w", "2026-11-16T12:00:00Z")]
    [InlineData("0s", "2026-11-30T12:00:00Z")]
    [InlineData("2026-11-22", "2026-11-22T00:00:00Z")]
    [InlineData("2026-11-22T18:30Z", "2026-11-22T18:30:00Z")]
    [InlineData("2026-11-22T18:30+02:00", "2026-11-22T16:30:00Z")]
    public void A_bound_of_time_is_a_duration_before_now_or_a_time(string text, string bound)
    {
        TimeBound.TryParse(text, s_now, out DateTimeOffset parsed).Should().BeTrue();
        parsed.ToString("yyyy-MM-ddTHH:mm:ssZ", null).Should().Be(bound);
    }

    [Theory]
    [InlineData("")]
    [InlineData("h")]
    [InlineData("-2h")]
    [InlineData("12:30")]
    [InlineData("yesterday")]
    [InlineData("99999999d")]
    public void Anything_else_is_no_bound_of_time(string text) => TimeBound.TryParse(text, s_now, out _).Should().BeFalse();
}
