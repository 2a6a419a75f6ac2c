namespace SagaRecovery.Tests.Support;

[CollectionDefinition(Name)]
public sealed class SharesPostgres : ICollectionFixture<PostgresCluster>
{
    public const string Name = "Postgres";
}
