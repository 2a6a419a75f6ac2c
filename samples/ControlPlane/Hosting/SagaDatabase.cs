using EmbeddedPostgres;
using Npgsql;

namespace ControlPlane.Hosting;

/// <summary>The database of the service: the configured one, or a private cluster.</summary>
internal static class SagaDatabase
{
    public const string Name = "control_plane";

    private const string ConnectionStringSetting = "ConnectionStrings:Sagas";
    private const string DirectSetting = "ConnectionStrings:SagasDirect";
    private const string CoordinatorIdSetting = "SagaRecovery:CoordinatorId";

    /// <summary>Starts a private cluster and creates a coordinator id if the settings name none.</summary>
    /// <returns>The connection string.</returns>
    public static async Task<string> ResolveAsync(WebApplicationBuilder builder, Serilog.ILogger log)
    {
        var folder = new DataFolder(builder.Configuration, builder.Environment.ContentRootPath);
        string connectionString = builder.Configuration[ConnectionStringSetting] is { Length: > 0 } given
            ? Validate(given, ConnectionStringSetting)
            : await StartOrFindClusterAsync(builder.Configuration, folder, log);
        if (string.IsNullOrEmpty(builder.Configuration[CoordinatorIdSetting]))
        {
            builder.Configuration[CoordinatorIdSetting] = folder.CoordinatorId().ToString();
        }

        return connectionString;
    }

    /// <summary>Returns the connection string that bypasses a pooler, for the long-lived listener connection, or null without a pooler.</summary>
    public static string? Direct(IConfiguration configuration) =>
        configuration[DirectSetting] is { Length: > 0 } given ? Validate(given, DirectSetting) : null;

    public static ClusterOptions OptionsFrom(IConfiguration configuration) =>
        new() { BinFolder = configuration.GetSection(ControlPlaneOptions.SectionName)[nameof(ControlPlaneOptions.PostgresBinFolder)] };

    private static string Validate(string connectionString, string setting)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(connectionString).ConnectionString;
        }
        catch (ArgumentException exception)
        {
            throw new SettingException($"{setting} is not a connection string: {exception.Message}");
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
        catch (EmbeddedPostgresException exception) when (exception is not PostgresNotFoundException)
        {
            throw new SettingException(
                $"{exception.Message} (ControlPlane:DataFolder sets the folder. To use an existing server instead, set {ConnectionStringSetting}.)");
        }

        log.ForContext(typeof(SagaDatabase)).Information(
            "private Postgres cluster {Origin} in {Folder}, on 127.0.0.1:{Port}",
            cluster.Origin switch { ClusterOrigin.Made => "created", ClusterOrigin.Started => "started", _ => "found running" },
            cluster.Folder,
            cluster.Port);
        return new NpgsqlConnectionStringBuilder(cluster.ConnectionString(Name))
        {
            MaxPoolSize = 40, // the service and its cluster share a machine, so more connections would only compete
            ApplicationName = "control-plane",
        }.ConnectionString;
    }
}
