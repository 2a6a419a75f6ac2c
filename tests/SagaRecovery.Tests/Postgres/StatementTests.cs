using SagaRecovery.Postgres;

namespace SagaRecovery.Tests.Postgres;

public sealed class StatementTests
{
    /// <summary>A pooler that balances loads would send a read to a standby that is behind: running sagas would appear finished.</summary>
    [Fact]
    public void Every_statement_on_the_tables_asks_for_the_primary()
    {
        object[] all = [new Statements("s"), new ControlStatements("s"), new OperatorStatements("s"), new ClusterStatements("s"), new DefinitionStatements("s"), new RetentionStatements("s"), new SagaActionStatements("s"), new SearchStatements("s"), new IdentifyStatements("s")];
        (string Name, string Text)[] statements =
        [
            .. from one in all
               from property in one.GetType().GetProperties()
               where property.PropertyType == typeof(string) && property.GetMethod is { IsStatic: false }
               select (property.Name, (string)property.GetValue(one)!),
        ];

        statements.Should().HaveCountGreaterThan(50);
        statements.Where(statement => statement.Text.Contains("from s.", StringComparison.Ordinal) && !statement.Text.StartsWith("/*NO LOAD BALANCE*/", StringComparison.Ordinal))
            .Should().BeEmpty();
    }
}
