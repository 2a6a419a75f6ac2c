using EmbeddedPostgres;
using Npgsql;

namespace ControlPlane.Hosting;

/// <summary>The database that the service works on: the one that it is told of, or a private cluster of its own.</summary>
internal static class SagaDatabase
{
    public const string Name = "control_plane";

    private const string ConnectionStringSetting = "ConnectionStrings:Sagas";
    private const string DirectSetting = "ConnectionStrings:SagasDirect";
    private const string CoordinatorIdSetting = "SagaRecovery:CoordinatorId";

    /// <summary>Sees to the cluster and to the coordinator id, where the settings name none.</summary>
    /// <returns>The connection string.</returns>
    public static async Task<string> ResolveAsync(WebApplicationBuilder builder, Serilog.ILogger log)
    {
        var folder = new DataFolder(builder.Configuration, builder.Environment.ContentRootPath);
        string connectionString = builder.Configuration[ConnectionStringSetting] is { Length: > 0 } given
            ? Checked(given, ConnectionStringSetting)
            : await StartOrFindClusterAsync(builder.Configuration, folder, log);
        if (string.IsNullOrEmpty(builder.Configuration[CoordinatorIdSetting]))
        {
            builder.Configuration[CoordinatorIdSetting] = folder.CoordinatorId().ToString();
        }

        return connectionString;
    }

    /// <summary>The connection string past a pooler, for the one connection that lasts; null: there is no pooler.</summary>
    public static string? Direct(IConfiguration configuration) =>
        configuration[DirectSetting] is { Length: > 0 } given ? Checked(given, DirectSetting) : null;

    public static ClusterOptions OptionsFrom(IConfiguration configuration) =>
        new() { BinFolder = configuration.GetSection(ControlPlaneOptions.SectionName)[nameof(ControlPlaneOptions.PostgresBinFolder)] };

    private static string Checked(string connectionString, string setting)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(connectionString).ConnectionString;
        }
        catch (ArgumentException wrong)
        {
            throw new SettingException($"{setting} is not a connection string: {wrong.Message}");
        }
    }

    private static async Task<string> StartOrFindClusterAsync(IConfiguration configuration, DataFolder folder, Serilog.ILogger log)
    {
        PrivateCluster cluster;
        try
        {
            cluster = await PrivateCluster.StartOrFindAsync(folder.Postgres, OptionsFrom(configuration));
            await cluster.CreateDatabaseAsync(Name);
        }
        catch (EmbeddedPostgresException cannot) when (cannot is not PostgresNotFoundException)
        {
            throw new SettingException($"{cannot.Message} (The folder is set with ControlPlane:DataFolder; {ConnectionStringSetting} names a server instead.)");
        }

        log.ForContext(typeof(SagaDatabase)).Information(
            "private Postgres cluster {Origin} in {Folder}, on 127.0.0.1:{Port}",
            cluster.Origin switch { ClusterOrigin.Made => "made", ClusterOrigin.Started => "started", _ => "found running" },
            cluster.Folder,
            cluster.Port);
        return new NpgsqlConnectionStringBuilder(cluster.ConnectionString(Name))
        {
            MaxPoolSize = 40, // the service and its cluster share a machine: more connections would only take turns
            ApplicationName = "control-plane",
        }.ConnectionString;
    }
}
