namespace SagaRecovery.AspNetCore.Tests.Support;

[CollectionDefinition(Name)]
public sealed class OnPostgres : ICollectionFixture<PostgresCluster>
{
    public const string Name = "Postgres";
}
