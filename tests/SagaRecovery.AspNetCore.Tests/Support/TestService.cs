using System.Net.Http.Json;
using System.Text.Json;
using Dapper;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Postgres;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Tests.Support;

/// <summary>A service with recovery, the durable executor and the endpoints in it, without a socket.</summary>
internal sealed class TestService : IAsyncDisposable
{
    public const string Prefix = "/saga-recovery";

    private readonly NpgsqlDataSource _dataSource;

    private TestService(WebApplication app, string database, NpgsqlDataSource dataSource, TestLog log)
    {
        ConnectionString = database;
        App = app;
        _dataSource = dataSource;
        Log = log;
    }

    public WebApplication App { get; }

    public string ConnectionString { get; }

    /// <summary>Available once the service is started.</summary>
    public HttpClient Http => field ??= App.GetTestClient();

    public TestLog Log { get; }

    public Guid CoordinatorId => App.Services.GetRequiredService<SagaRecoveryStatus>().Current.Coordinator.Id.Value;

    /// <summary>Operator actions require <see cref="TestUsers.Policy"/>.</summary>
    public static void ForOperators(SagaRecoveryEndpointOptions options) => options.OperatorPolicy = TestUsers.Policy;

    /// <summary>Reading, payloads and operator actions require policies of their own.</summary>
    public static void Closed(SagaRecoveryEndpointOptions options)
    {
        options.AllowAnonymousReading = false;
        options.ReadingPolicy = TestUsers.Reading;
        options.PayloadPolicy = TestUsers.Payloads;
        options.OperatorPolicy = TestUsers.Policy;
    }

    /// <summary>Not started yet. Everyone reads and sees payloads, unless the options say otherwise.</summary>
    public static TestService Build(
        string database,
        Action<SagaRecoveryEndpointOptions>? endpoints = null,
        string environment = "Production",
        Action<WebApplicationBuilder>? services = null,
        Action<IEndpointConventionBuilder>? conventions = null,
        Guid? coordinator = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment });
        var log = new TestLog();
        builder.Logging.ClearProviders().AddProvider(log);
        builder.WebHost.UseTestServer();
        var dataSource = NpgsqlDataSource.Create(database);
        builder.Services.AddSingleton(dataSource);
        builder.Services.AddSagaRecovery(options =>
        {
            options.CoordinatorId = new CoordinatorId(coordinator ?? Guid.NewGuid());
            options.RetryDelay = TimeSpan.FromMilliseconds(50);
        }).AddDurableExecutor().AddSaga<GatedSaga>();
        builder.Services.Configure<PostgresStoreOptions>(options => options.CreateSchema = true);
        builder.Services.AddAuthentication(TestUsers.SchemeName).AddScheme<AuthenticationSchemeOptions, TestUsers>(TestUsers.SchemeName, _ => { });
        builder.Services.AddAuthorizationBuilder().AddPolicy(TestUsers.Policy, policy => policy.RequireClaim("operator", "True"))
            .AddPolicy(TestUsers.Reading, policy => policy.RequireAssertion(one => one.User.Identity?.Name is TestUsers.Reader or TestUsers.Auditor))
            .AddPolicy(TestUsers.Payloads, policy => policy.RequireUserName(TestUsers.Auditor))
            .AddPolicy(TestUsers.Anyone, policy => policy.RequireAssertion(_ => true));
        builder.Services.Configure<KeyManagementOptions>(options => options.XmlRepository = new KeysInMemory());
        services?.Invoke(builder);
        WebApplication app = builder.Build();
        IEndpointConventionBuilder mapped = app.MapSagaRecovery(configure: options =>
        {
            options.AllowAnonymousReading = true;
            options.PayloadPolicy = TestUsers.Anyone;
            endpoints?.Invoke(options);
        });
        conventions?.Invoke(mapped);
        return new TestService(app, database, dataSource, log);
    }

    /// <summary>Started, and its first pass is over.</summary>
    public static async Task<TestService> StartAsync(
        string database,
        Action<SagaRecoveryEndpointOptions>? endpoints = null,
        string environment = "Production",
        Action<WebApplicationBuilder>? services = null,
        Action<IEndpointConventionBuilder>? conventions = null,
        Guid? coordinator = null)
    {
        TestService service = Build(database, endpoints, environment, services, conventions, coordinator);
        await service.App.StartAsync();
        await Eventually.HoldsAsync(() => service.App.Services.GetRequiredService<SagaRecoveryStatus>().Current.LastPass is not null, "the first pass was over");
        return service;
    }

    /// <summary>Starts a saga and waits until its second node runs.</summary>
    public async Task<SagaId> StartSagaAsync()
    {
        SagaHandle saga = await App.Services.GetRequiredService<SagaClient>().StartAsync(App.Services.GetRequiredService<GatedSaga>(), "x");
        await Eventually.HoldsAsync(
            () => QueryAsync<bool>("select exists (select from saga_recovery.saga_node_event where saga_id = @Id and node_id = 1)", new { Id = saga.SagaId.Value }),
            "its second node ran");
        return saga.SagaId;
    }

    /// <summary>Sends a request as a user, or anonymously.</summary>
    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? user = null, HttpContent? content = null, string? accept = null)
    {
        var request = new HttpRequestMessage(method, Prefix + path) { Content = content };
        if (user is not null)
        {
            request.Headers.Add(TestUsers.Header, user);
        }

        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        return Http.SendAsync(request);
    }

    public Task<HttpResponseMessage> PerformAsync(string path, object? body, string? user = TestUsers.Operator) =>
        SendAsync(HttpMethod.Post, path, user, body is null ? null : JsonContent.Create(body));

    public async Task<JsonElement> JsonAsync(string path)
    {
        using HttpResponseMessage response = await SendAsync(HttpMethod.Get, path, accept: "application/json");
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    public async Task<T> QueryAsync<T>(string sql, object? parameters = null)
    {
        await using NpgsqlConnection connection = await _dataSource.OpenConnectionAsync();
        return (await connection.ExecuteScalarAsync<T>(sql, parameters))!;
    }

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        await _dataSource.DisposeAsync();
    }
}
