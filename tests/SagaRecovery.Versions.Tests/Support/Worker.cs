using System.Globalization;

namespace SagaRecovery.Versions.Tests.Support;

/// <summary>A process that starts sagas all the time and runs them, of the present or the previous version.</summary>
internal sealed class Worker : RunningProgram
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(90);

    private Worker(string version, IReadOnlyList<string> arguments)
        : base(Path.Combine(FolderOf(version), $"VersionWorker.{version}"), arguments)
    {
    }

    /// <summary>The sagas whose start was confirmed to this process.</summary>
    public IEnumerable<Guid> Started => IdsIn("started");

    /// <summary>The sagas whose end was reported in this process.</summary>
    public IEnumerable<Guid> Ended => IdsIn("ended");

    /// <summary>The results of the ended sagas, as the names of their types.</summary>
    public IEnumerable<string> Results => Output.Where(line => line.StartsWith("ended ", StringComparison.Ordinal)).Select(line => line.Split(' ')[2]);

    /// <summary>The exceptions of starts.</summary>
    public IEnumerable<string> Refusals => Output.Where(line => line.StartsWith("refused ", StringComparison.Ordinal));

    /// <summary>Starts a worker from the projects of this repository.</summary>
    /// <param name="database">The connection string.</param>
    /// <param name="coordinator">The coordinator id.</param>
    /// <param name="load">The number of sagas that it keeps under way.</param>
    /// <param name="createSchema">True if it creates or upgrades the tables.</param>
    public static Worker Present(string database, Guid coordinator, int load, bool createSchema = false) =>
        new("Present", Arguments(database, coordinator, load, createSchema));

    /// <summary>Starts a worker from the packages of the previous version of the tables.</summary>
    /// <inheritdoc cref="Present" path="/param" />
    public static Worker Previous(string database, Guid coordinator, int load, bool createSchema = false) =>
        new("Previous", Arguments(database, coordinator, load, createSchema));

    /// <summary>Waits until further sagas have ended.</summary>
    public Task EndsMoreAsync(int count)
    {
        int target = Ended.Count() + count;
        return WaitUntilAsync(() => Ended.Count() >= target, $"{count} more sagas ended");
    }

    /// <summary>Waits until a condition on the output holds. The failure shows the end of the output.</summary>
    public async Task WaitUntilAsync(Func<bool> condition, string what)
    {
        try
        {
            await Eventually.HoldsAsync(() => condition() || HasExited, what, Longest);
        }
        catch (TimeoutException vain)
        {
            throw new TimeoutException($"{vain.Message}\n{LastOutput()}", vain);
        }

        condition().Should().BeTrue("{0}, and the process had not ended: {1}", what, LastOutput());
    }

    /// <summary>Throws if a start was refused or a saga did not succeed.</summary>
    public void ShouldHaveRunAll()
    {
        Refusals.Should().BeEmpty();
        Results.Should().OnlyContain(result => result == "Succeeded");
    }

    private static string[] Arguments(string database, Guid coordinator, int load, bool createSchema) =>
    [
        $"--ConnectionStrings:Sagas={database}",
        $"--SagaRecovery:CoordinatorId={coordinator}",
        $"--SagaRecovery:Postgres:CreateSchema={createSchema}",
        string.Create(CultureInfo.InvariantCulture, $"--Load={load}"),
    ];

    private static string FolderOf(string version)
    {
        string[] output = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar).Split(Path.DirectorySeparatorChar)[^3..]; // as bin/Release/net10.0
        return Path.Combine([Repository.Root, "tests", "VersionWorker", version, .. output]);
    }

    private string LastOutput() => string.Join('\n', Output.TakeLast(15).Concat(Errors.TakeLast(5)));

    private IEnumerable<Guid> IdsIn(string kind) =>
        Output.Where(line => line.StartsWith(kind + ' ', StringComparison.Ordinal)).Select(line => Guid.Parse(line.Split(' ')[1]));
}
