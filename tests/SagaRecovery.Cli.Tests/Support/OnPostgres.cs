namespace SagaRecovery.Cli.Tests.Support;

[CollectionDefinition(Name)]
public sealed class OnPostgres : ICollectionFixture<PostgresCluster>
{
    public const string Name = "postgres";
}
