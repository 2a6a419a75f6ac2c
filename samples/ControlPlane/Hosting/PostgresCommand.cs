using EmbeddedPostgres;

namespace ControlPlane.Hosting;

/// <summary>
/// Runs <c>ControlPlane postgres status|stop|remove</c> on the private cluster, which keeps running when the service stops. Settings
/// follow the verb, as in <c>postgres stop --ControlPlane:DataFolder=…</c>.
/// </summary>
internal static class PostgresCommand
{
    private const string Usage =
        """
        usage: ControlPlane postgres status|stop|remove [--ControlPlane:DataFolder=FOLDER]
          status  shows the state of the private Postgres cluster and how to connect to it
          stop    stops the cluster; the next start of the service starts it again
          remove  stops the cluster and deletes it with all its data
        """;

    public static async Task<int> RunAsync(string[] args)
    {
        if (args is not ["postgres", "status" or "stop" or "remove", .. string[] settings])
        {
            await Console.Error.WriteLineAsync(Usage);
            return 2;
        }

        WebApplicationBuilder builder = ControlPlaneHost.CreateBuilder(settings);
        string folder = new DataFolder(builder.Configuration, builder.Environment.ContentRootPath).Postgres;
        try
        {
            Console.WriteLine(PrivateCluster.Find(folder, SagaDatabase.OptionsFrom(builder.Configuration)) is { } cluster
                ? await ApplyAsync(args[1], cluster)
                : $"There is no private Postgres cluster in {folder}.");
            return 0;
        }
        catch (EmbeddedPostgresException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return 1;
        }
    }

    private static async Task<string> ApplyAsync(string verb, PrivateCluster cluster)
    {
        switch (verb)
        {
            case "stop":
                return await cluster.StopAsync()
                    ? $"Stopped the private Postgres cluster in {cluster.Folder}."
                    : $"The private Postgres cluster in {cluster.Folder} was not running.";
            case "remove":
                await cluster.RemoveAsync();
                return $"Stopped and removed the private Postgres cluster in {cluster.Folder}.";
            default:
                return cluster.IsRunning
                    ? $"The private Postgres cluster in {cluster.Folder} runs on 127.0.0.1:{cluster.Port}. To connect:\n"
                        + $"  PGPASSFILE={cluster.PasswordFile} psql -h 127.0.0.1 -p {cluster.Port} -U postgres {SagaDatabase.Name}"
                    : $"The private Postgres cluster in {cluster.Folder} is not running.";
        }
    }
}
