using SagaRecovery.Fencing;

namespace SagaRecovery.Bookkeeping;

/// <summary>A listed saga: in progress, and owned by this coordinator.</summary>
/// <param name="SagaId">The id of the saga.</param>
/// <param name="Name">The name of its definition, for display.</param>
/// <param name="Generation">Its adopt generation at the time of the listing.</param>
public readonly record struct Candidate(SagaId SagaId, string Name, AdoptGeneration Generation)
{
    /// <summary>The definition that the saga was started with.</summary>
    /// <value>
    /// The default is null: not reported. Every saga is then loaded to find out if the executor has its definition.
    /// </value>
    public DefinitionKey? Definition { get; init; }
}

/// <summary>A listed saga whose row could not be read. It stays visible by id and is never treated as finished.</summary>
/// <param name="SagaId">The id of the saga.</param>
/// <param name="Error">The error of reading the row.</param>
public readonly record struct UnreadableCandidate(SagaId SagaId, string Error);

/// <summary>The candidates of one pass, added by the store.</summary>
/// <remarks>
/// Only an <see cref="OpenedPass"/> creates listings, so no listing can begin before its pass has drained the starts.
/// <see cref="OpenedPass.Reconcile"/> closes the listing. Not thread-safe.
/// </remarks>
public sealed class CandidateListing
{
    private readonly List<Candidate> _candidates;
    private readonly List<UnreadableCandidate> _unreadable = [];
    private readonly Dictionary<DefinitionKey, ListedDefinition> _definitions = [];
    private DefinitionKey? _lastDefinition; // the previous saga often has the same definition, which then needs no lookup
    private bool _closed;

    /// <param name="capacity">The expected number of candidates.</param>
    internal CandidateListing(int capacity = 0) => _candidates = new List<Candidate>(capacity);

    /// <summary>True for the listing of a dry run that an operator requested. The store should bound it as a query of operators, and change nothing.</summary>
    public bool IsDryRun { get; internal init; }

    /// <summary>The number of sagas listed so far, including unreadable ones.</summary>
    public int Count => _candidates.Count + _unreadable.Count;

    internal List<Candidate> Candidates => _candidates;

    internal List<UnreadableCandidate> Unreadable => _unreadable;

    /// <summary>The definitions of the candidates.</summary>
    internal IReadOnlyDictionary<DefinitionKey, ListedDefinition> Definitions => _definitions;

    /// <summary>Adds a candidate.</summary>
    /// <exception cref="InvalidOperationException">The listing has already been reconciled.</exception>
    public void Add(Candidate candidate)
    {
        ThrowIfClosed();
        _candidates.Add(candidate);
        if (candidate.Definition is { } definition && !ReferenceEquals(definition, _lastDefinition))
        {
            _definitions.TryAdd(definition, new ListedDefinition(candidate.Name, DefinitionSupport.NotReported));
            _lastDefinition = definition;
        }
    }

    /// <summary>Sets for each definition of the listed sagas if the executor reports it.</summary>
    /// <param name="find">Returns the support of the executor for a definition, from its name and its identity. Called once for each definition.</param>
    /// <remarks>Without this call, only the answers of the executor count.</remarks>
    /// <exception cref="InvalidOperationException">The listing has already been reconciled.</exception>
    public void SetSupport(Func<string, DefinitionKey, DefinitionSupport> find)
    {
        ThrowIfClosed();
        foreach ((DefinitionKey definition, ListedDefinition listed) in _definitions)
        {
            _definitions[definition] = listed with { Support = find(listed.Name, definition) };
        }
    }

    /// <summary>Adds a saga whose row could not be read, so that it is not treated as finished.</summary>
    /// <exception cref="InvalidOperationException">The listing has already been reconciled.</exception>
    public void AddUnreadable(SagaId sagaId, string error)
    {
        ThrowIfClosed();
        _unreadable.Add(new UnreadableCandidate(sagaId, error));
    }

    internal void Close() => _closed = true;

    private void ThrowIfClosed()
    {
        if (_closed)
        {
            throw new InvalidOperationException("This listing has already been reconciled. A pass must begin its own listing.");
        }
    }
}

/// <summary>A definition of listed sagas.</summary>
/// <param name="Name">The name of the definition, for display.</param>
/// <param name="Support">The relation of the executor to it.</param>
internal readonly record struct ListedDefinition(string Name, DefinitionSupport Support);
