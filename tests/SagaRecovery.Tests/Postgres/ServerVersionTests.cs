namespace SagaRecovery.Tests.Postgres;

/// <summary>The server that these tests run on is the one that <c>tests/postgres-versions.sh</c> requested.</summary>
public sealed class ServerVersionTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    [Fact]
    public async Task The_server_is_of_the_version_that_was_asked_for()
    {
        if (Environment.GetEnvironmentVariable("SAGA_RECOVERY_TEST_POSTGRES") is not { Length: > 0 } version)
        {
            return; // any version will do
        }

        (await Db.QueryAsync<string>("show server_version")).Should().StartWith($"{version}.");
    }
}
