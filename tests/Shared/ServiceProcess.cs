using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Tests.Shared;

/// <summary>The control plane as its users run it: a process with a port of its own.</summary>
internal sealed partial class ServiceProcess : RunningProgram
{
    /// <summary>The credentials with which these tests run operator actions.</summary>
    public const string OperatorToken = "the-token-of-the-tests";

    private const string AnyPort = "http://127.0.0.1:0";
    private const string OperatorTokenSetting = "--ControlPlane:OperatorToken=" + OperatorToken;

    private ServiceProcess(string assembly, IReadOnlyList<string> arguments)
        : base(assembly, arguments)
    {
    }

    /// <summary>The actor of the operator actions of these tests.</summary>
    public static AuthenticationHeaderValue Operator { get; } =
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"tester:{OperatorToken}")));

    public HttpClient Http { get; private set; } = null!;

    /// <summary>Starts it, and does not wait until it listens.</summary>
    public static ServiceProcess Launch(params IReadOnlyList<string> settings) =>
        new("ControlPlane", ["--urls", AnyPort, OperatorTokenSetting, .. settings]);

    /// <summary>Starts a program of another assembly that has the same endpoints, as far as the tests use them.</summary>
    public static ServiceProcess LaunchOther(string assembly, string verb, params IReadOnlyList<string> settings) =>
        new(assembly, [verb, "--urls", AnyPort, OperatorTokenSetting, .. settings]);

    /// <summary>On a given database, under a coordinator id.</summary>
    public static Task<ServiceProcess> StartAsync(string connectionString, Guid coordinatorId, params IReadOnlyList<string> settings) =>
        StartAsync([$"--ConnectionStrings:Sagas={connectionString}", $"--SagaRecovery:CoordinatorId={coordinatorId}", .. settings]);

    /// <summary>With these settings; returns when it listens.</summary>
    public static async Task<ServiceProcess> StartAsync(IReadOnlyList<string> settings)
    {
        ServiceProcess service = Launch(settings);
        try
        {
            await service.ListensAsync();
            return service;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until it listens.</summary>
    public async Task ListensAsync()
    {
        await Eventually.HoldsAsync(() => Address() is not null || HasExited, "the service listened", TimeSpan.FromSeconds(60));
        Http = new HttpClient
        {
            BaseAddress = Address() ?? throw new InvalidOperationException(
                $"The service ended: {string.Join('\n', Output)}\n{string.Join('\n', Errors)}"),
            Timeout = TimeSpan.FromSeconds(60),
        };
    }

    /// <summary>Runs a process that is expected not to start, until it ends.</summary>
    public static async Task<(int ExitCode, IReadOnlyCollection<string> Errors)> RunToItsEndAsync(params IReadOnlyList<string> arguments)
    {
        await using var program = new RunningProgram("ControlPlane", arguments);
        return (await program.ExitCodeAsync(), program.Errors);
    }

    /// <summary>The ids in all lines with the message, as <c>recovered saga: …</c>.</summary>
    public IEnumerable<Guid> SagasLogged(string message) => Output
        .Where(line => line.Contains($" {message} ", StringComparison.Ordinal))
        .Select(line => SagaIdRule().Match(line))
        .Select(match => Guid.Parse(match.Value));

    public Task<HttpResponseMessage> CreateProjectAsync(string name, IEnumerable<string>? zones = null, CancellationToken cancellationToken = default) =>
        Http.PostAsJsonAsync("/v1/projects", new { name, description = "made by a test", zones }, cancellationToken);

    /// <summary>Creates a project by a request with an idempotency key.</summary>
    public async Task<HttpResponseMessage> CreateProjectWithKeyAsync(string name, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/projects") { Content = JsonContent.Create(new { name, description = "made by a test" }) };
        request.Headers.Add("Idempotency-Key", key);
        return await Http.SendAsync(request);
    }

    /// <summary>Starts a saga that waits until it is released.</summary>
    public async Task<Guid> StartDemoSagaAsync()
    {
        using HttpResponseMessage response = await Http.PostAsync("/demo-sagas", content: null);
        response.EnsureSuccessStatusCode();
        JsonElement body = await response.Content.ReadFromJsonAsync<JsonElement>();
        return body.GetProperty("saga_id").GetGuid();
    }

    public Task<HttpResponseMessage> ReleaseDemoSagaAsync(Guid id) => Http.PostAsync($"/demo-sagas/{id}/complete", content: null);

    /// <summary>Runs a recovery pass.</summary>
    /// <returns>Its report.</returns>
    public Task<JsonElement> ActivateAsync() => SendForJsonAsync(HttpMethod.Post, "/saga-recovery/activate");

    /// <summary>Explains where a saga stands, as JSON.</summary>
    public Task<JsonElement> ExplainAsync(Guid saga) => SendForJsonAsync(HttpMethod.Get, $"/saga-recovery/sagas/{saga}/explain");

    /// <summary>The status as JSON.</summary>
    public Task<JsonElement> StatusAsync() => SendForJsonAsync(HttpMethod.Get, "/saga-recovery");

    /// <summary>Waits until a pass has ended.</summary>
    /// <returns>The last one's report.</returns>
    public async Task<JsonElement> FirstPassAsync()
    {
        JsonElement pass = default;
        await Eventually.HoldsAsync(
            async () => (pass = (await StatusAsync()).GetProperty("lastPass")).ValueKind != JsonValueKind.Null, "the first pass was over");
        return pass;
    }

    public override ValueTask DisposeAsync()
    {
        Http?.Dispose();
        return base.DisposeAsync();
    }

    private async Task<JsonElement> SendForJsonAsync(HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        request.Headers.Authorization = method == HttpMethod.Post ? Operator : null;
        using HttpResponseMessage response = await Http.SendAsync(request);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private Uri? Address() => Output
        .Select(line => ListeningRule().Match(line))
        .Where(match => match.Success)
        .Select(match => new Uri(match.Groups["url"].Value))
        .FirstOrDefault();

    [GeneratedRegex("Now listening on: (?<url>http://[0-9.:]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex ListeningRule();

    [GeneratedRegex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex SagaIdRule();
}
