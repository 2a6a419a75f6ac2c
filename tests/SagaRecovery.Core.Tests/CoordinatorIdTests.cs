namespace SagaRecovery.Core.Tests;

public sealed class CoordinatorIdTests
{
    /// <summary>The expected ids come from Python's <c>uuid.uuid5</c>.</summary>
    [Theory]
    [InlineData("sagas-0", "374d32bb-2576-5c99-9439-e6d7e5c35133")]
    [InlineData("projekte-ü-1", "d0c5ad11-6bc6-5f80-a05b-9242743c872b")]
    public void The_id_of_a_name_is_its_version_5_uuid(string name, string id)
    {
        CoordinatorId.FromName(name).Should().Be(new CoordinatorId(Guid.Parse(id)));
        CoordinatorId.Parse(name).Should().Be(new CoordinatorId(Guid.Parse(id)));
    }

    [Theory]
    [InlineData("0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11")]
    [InlineData("0197A3C48B1E7C3A9F002B6D3F1F7A11")]
    public void A_uuid_stands_for_itself(string id) => CoordinatorId.Parse(id).Should().Be(new CoordinatorId(Guid.Parse(id)));

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a1")]
    [InlineData("0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a111")]
    [InlineData("0197a3c48b1e7c3a9f002b6d3f1f7a1")]
    [InlineData("0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a1g")]
    public void A_text_without_a_name_and_a_mistyped_uuid_are_refused(string text)
    {
        CoordinatorId.TryParse(text, null, out _).Should().BeFalse();
        FluentActions.Invoking(() => CoordinatorId.Parse(text)).Should().Throw<FormatException>();
    }
}
