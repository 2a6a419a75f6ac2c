namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The subject of a measurement, ours or a reference. It runs in a process of its own.</summary>
internal abstract class Subject
{
    public static IReadOnlyList<Subject> Every { get; } =
    [
        new RecoverySubject(), new PageReader(), new MergeReader(), new CopyReader(), new PerSagaReader(), new ResumingSubject(),
        new ColdRecovery(), new ColdPageReader(), new PassSubject(), new ListingSubject(), new OwnersSubject(), new TriggerSubject(), new StartSubject(), new TransactionStartSubject(),
        new FencedStart(), new ExecutingSubject(), new ServerExecutingSubject(), new FencedLoop(), new StartingSubject(), new TrackerSubject(),
        new HeartbeatSubject(), new JoinSubject(), new ReassignSubject(), new ProjectsSubject(), new RowLockProjectsSubject(), new FencedWrites(),
        new RowLockedWrites(), new ShapedSubject(ShapedSubject.SideBySide, isChain: false, fails: false),
        new ShapedSubject(ShapedSubject.SideBySideUnwound, isChain: false, fails: true), new ShapedSubject(ShapedSubject.Chain, isChain: true, fails: false),
        new ShapedSubject(ShapedSubject.ChainUnwound, isChain: true, fails: true),
        new RowsSubject(RowsSubject.Transactional, isTransactional: true), new RowsSubject(RowsSubject.Ordinary, isTransactional: false),
        new BacklogSubject(), new UnknownSubject(), new IdleSubject(), new BareIdleSubject(),
    ];

    public abstract string Name { get; }

    /// <summary>True if it is measured from the launch of its process, with nothing compiled.</summary>
    public virtual bool IsCold => false;

    /// <summary>Settings of the runtime for its process; none: the defaults.</summary>
    public virtual IReadOnlyDictionary<string, string> Runtime { get; } = new Dictionary<string, string>();

    public static Subject Named(string name) =>
        Every.FirstOrDefault(subject => subject.Name == name) ?? throw new ArgumentException($"There is no subject '{name}'.", nameof(name));

    public abstract Task RunAsync(SubjectTask task, Meter meter);
}
