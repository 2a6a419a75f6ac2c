namespace Samples.Tests.Support;

/// <summary>The collections of tests that run programs. Each has a cluster, and the two run side by side, since most of it is waiting.</summary>
public static class OnPostgres
{
    public const string Console = "console samples";

    public const string Http = "HTTP samples";
}

[CollectionDefinition(OnPostgres.Console)]
public sealed class ConsoleSamples : ICollectionFixture<PostgresCluster>;

[CollectionDefinition(OnPostgres.Http)]
public sealed class HttpSamples : ICollectionFixture<PostgresCluster>;
