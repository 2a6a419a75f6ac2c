using SagaRecovery.Benchmarks.Reports;

namespace SagaRecovery.Benchmarks.Tests;

public sealed class TextTableTests
{
    [Fact]
    public void Columns_are_as_wide_as_their_widest_cell_and_numbers_are_right_aligned()
    {
        var table = new TextTable("name", ">count");
        table.Add("a", "1");
        table.Add("longer", "1,000,000");

        table.ToString().ReplaceLineEndings("\n").Should().Be(
            """
            name        count
            ------  ---------
            a               1
            longer  1,000,000

            """.ReplaceLineEndings("\n"));
    }
}
