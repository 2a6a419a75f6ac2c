using System.Text.RegularExpressions;
using SagaRecovery.Postgres;

namespace SagaRecovery.Tests.Postgres;

public sealed partial class StatementTests
{
    /// <summary>A pooler that balances loads would send a read to a standby that is behind: running sagas would appear finished.</summary>
    [Fact]
    public void Every_statement_on_the_tables_asks_for_the_primary()
    {
        (string Name, string Text)[] statements = All();

        statements.Should().HaveCountGreaterThan(50);
        statements.Where(statement => statement.Text.Contains("from s.", StringComparison.Ordinal) && !statement.Text.StartsWith("/*NO LOAD BALANCE*/", StringComparison.Ordinal))
            .Should().BeEmpty();
    }

    /// <summary>See <see cref="Statements.AfterProbe"/>. A condition of equality on the coordinator could serve the index of unfinished sagas.</summary>
    [Fact]
    public void A_coordinator_is_compared_in_a_listing_or_after_a_probe()
    {
        foreach ((string name, string text) in All())
        {
            foreach (Match match in CoordinatorRule().Matches(text))
            {
                string before = text[..match.Index];
                string after = text[match.Index..Math.Min(text.Length, match.Index + 1000)];
                bool isAfterProbe = before.LastIndexOf("case when", StringComparison.Ordinal) > before.LastIndexOf(" end", StringComparison.Ordinal);
                (isAfterProbe || after.Contains("adopt_xid", StringComparison.Ordinal)).Should().BeTrue("{0} must not find its sagas by the coordinator: {1}", name, after);
            }
        }
    }

    /// <summary>The pool of recovery does not reset its connections: see <see cref="OwnPool"/>.</summary>
    [Fact]
    public void No_statement_leaves_a_setting_a_lock_or_a_table_in_its_session()
    {
        string[] sources = Directory.GetFiles(Path.Combine(Repository.Root, "src", "SagaRecovery", "Postgres"), "*.cs");

        sources.Should().HaveCountGreaterThan(40);
        sources.SelectMany(File.ReadLines).Where(line => LeftBehind().IsMatch(line)).Should().BeEmpty();
        LeftBehind().IsMatch("select set_config('jit', 'off', false)").Should().BeTrue();
        LeftBehind().IsMatch("select pg_advisory_lock(1)").Should().BeTrue();
    }

    private static (string Name, string Text)[] All()
    {
        object[] all = [new Statements("s"), new CallerStatements("s"), new ControlStatements("s"), new OperatorStatements("s"), new ClusterStatements("s"), new DefinitionStatements("s"), new RetentionStatements("s"), new SagaActionStatements("s"), new SearchStatements("s"), new IdentifyStatements("s")];
        return
        [
            .. from one in all
               from property in one.GetType().GetProperties()
               where property.PropertyType == typeof(string) && property.GetMethod is { IsStatic: false }
               select (property.Name, (string)property.GetValue(one)!),
        ];
    }

    [GeneratedRegex(@"set_config\([^()]*, false\)|pg_(try_)?advisory_lock|\bset session |create temp", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex LeftBehind();

    [GeneratedRegex(@"current_coordinator = (\$|any)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex CoordinatorRule();
}
