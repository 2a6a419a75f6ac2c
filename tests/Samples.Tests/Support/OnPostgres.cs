namespace Samples.Tests.Support;

/// <summary>Tests that run programs on Postgres run one after the other, since they would only slow each other down.</summary>
[CollectionDefinition(Name)]
public sealed class OnPostgres : ICollectionFixture<PostgresCluster>
{
    public const string Name = "postgres";
}
