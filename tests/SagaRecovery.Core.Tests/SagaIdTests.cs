using System.Globalization;

namespace SagaRecovery.Core.Tests;

public class SagaIdTests
{
    private const string Text = "052247e0-853d-4d16-80e7-7c618d97edd8";

    private static readonly SagaId Demo = new(new Guid(Text));
    private static readonly SagaId Lower = SagaId.Parse("00000000-0000-0000-0000-000000000001");
    private static readonly SagaId Higher = SagaId.Parse("00000000-0000-0000-0000-000000000002");

    [Fact]
    public void An_id_reads_back_from_its_text_in_every_supported_way()
    {
        Demo.ToString().Should().Be(Text);

        SagaId.Parse(Text).Should().Be(Demo);
        SagaId.Parse(Text, CultureInfo.InvariantCulture).Should().Be(Demo);
        SagaId.Parse(Text.AsSpan(), CultureInfo.InvariantCulture).Should().Be(Demo);
        (SagaId.TryParse(Text, provider: null, out SagaId fromString), fromString).Should().Be((true, Demo));
        (SagaId.TryParse(Text.AsSpan(), provider: null, out SagaId fromSpan), fromSpan).Should().Be((true, Demo));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("052247e0-853d-4d16-80e7")]
    public void What_is_no_id_is_refused_without_an_exception(string? text)
    {
        (SagaId.TryParse(text, provider: null, out SagaId fromString), fromString).Should().Be((false, default(SagaId)));
        (SagaId.TryParse(text.AsSpan(), provider: null, out SagaId fromSpan), fromSpan).Should().Be((false, default(SagaId)));
    }

    [Fact]
    public void Parsing_what_is_no_id_is_a_format_exception()
    {
        FluentActions.Invoking(() => SagaId.Parse("saga 7")).Should().Throw<FormatException>();
    }

    [Fact]
    public void Ids_made_later_sort_later()
    {
        DateTimeOffset noon = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

        SagaId.NewAt(noon).Should().BeLessThan(SagaId.NewAt(noon.AddMilliseconds(1)));
    }

    [Fact]
    public void Ids_are_ordered_and_no_id_comes_before_or_after_itself()
    {
        Lower.CompareTo(Higher).Should().BeNegative();
        Higher.CompareTo(Lower).Should().BePositive();
        SagaId same = Lower;

        (Lower < Higher, Lower < same, Higher < Lower).Should().Be((true, false, false));
        (Lower <= Higher, Lower <= same, Higher <= Lower).Should().Be((true, true, false));
        (Lower > Higher, Lower > same, Higher > Lower).Should().Be((false, false, true));
        (Lower >= Higher, Lower >= same, Higher >= Lower).Should().Be((false, true, true));
    }
}
