using System.Reflection;

namespace SagaRecovery.Benchmarks.Peers;

/// <summary>A library that runs durable jobs of two steps, with certain settings.</summary>
internal abstract class Peer
{
    /// <summary>The number of workers of all peers that are tuned.</summary>
    protected const int TunedWorkers = 64;

    public static IReadOnlyList<Peer> Every { get; } =
    [
        new SagaRecoveryPeer(isTuned: true), new WolverinePeer(isTuned: true), new HangfirePeer(isTuned: true), new QuartzPeer(isTuned: true),
        new SagaRecoveryPeer(isTuned: false), new WolverinePeer(isTuned: false), new HangfirePeer(isTuned: false), new QuartzPeer(isTuned: false),
    ];

    /// <summary>The name of the library, and of its settings.</summary>
    public string Name => $"{Library}, {(IsTuned ? "tuned" : "defaults")}";

    public abstract bool IsTuned { get; }

    /// <summary>The name of its package.</summary>
    public abstract string Library { get; }

    /// <summary>The settings other than defaults, for readers.</summary>
    public abstract string Settings { get; }

    /// <summary>The guarantees after a crash, for readers.</summary>
    public abstract string Guarantees { get; }

    /// <summary>The version of the package.</summary>
    public virtual string Version =>
        typeof(Peer).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(package => package.Key == Library).Value!;

    public static Peer Named(string name) =>
        Every.FirstOrDefault(peer => peer.Name == name) ?? throw new ArgumentException($"There is no peer '{name}'.", nameof(name));

    /// <summary>The number of second steps that wait at a closed gate once no further one can enter.</summary>
    public abstract int AtGate(int jobs);

    /// <summary>Creates missing tables, and opens the library as far as jobs can be submitted.</summary>
    public abstract Task<IPeerProcess> OpenAsync(string connectionString, JobSteps steps);
}

/// <summary>A peer in this process. The end of the process ends it.</summary>
internal interface IPeerProcess
{
    /// <summary>Starts to run jobs, if they do not run already.</summary>
    Task RunAsync();

    /// <summary>Submits a job. It is durable when the task completes.</summary>
    Task SubmitAsync(int job);

    /// <summary>Waits until the store has the ends of all first steps that have returned.</summary>
    Task FirstStepsAreDurableAsync();
}
