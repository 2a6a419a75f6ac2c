namespace ControlPlane.Tests.Support;

/// <summary>Tests with real processes run one after the other: they would only slow each other down.</summary>
[CollectionDefinition(Name)]
public sealed class OnPostgres : ICollectionFixture<PostgresCluster>
{
    public const string Name = "postgres";
}
