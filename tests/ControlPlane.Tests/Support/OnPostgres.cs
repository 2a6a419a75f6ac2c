namespace ControlPlane.Tests.Support;

/// <summary>Tests with real processes run in sequence: in parallel they would only slow each other down.</summary>
[CollectionDefinition(Name)]
public sealed class OnPostgres : ICollectionFixture<PostgresCluster>
{
    public const string Name = "postgres";
}
