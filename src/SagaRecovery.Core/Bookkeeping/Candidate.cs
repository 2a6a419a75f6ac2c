using SagaRecovery.Fencing;

namespace SagaRecovery.Bookkeeping;

/// <summary>A saga that the listing reports: in progress, and owned by this coordinator.</summary>
/// <param name="SagaId">Which saga.</param>
/// <param name="Name">The name of its definition, for people.</param>
/// <param name="Generation">Its adopt generation when it was listed.</param>
public readonly record struct Candidate(SagaId SagaId, string Name, AdoptGeneration Generation);

/// <summary>A saga whose row could not be read: it stays visible by id, and is never taken for finished.</summary>
/// <param name="SagaId">Which saga.</param>
/// <param name="Error">What was wrong with the row.</param>
public readonly record struct UnreadableCandidate(SagaId SagaId, string Error);

/// <summary>
/// The candidates of one pass, filled by the store. Made by an <see cref="OpenedPass"/> only, so that it cannot have begun before the
/// pass drained the starts; spent by <see cref="OpenedPass.Reconcile"/>. Not thread-safe.
/// </summary>
public sealed class CandidateListing
{
    private readonly List<Candidate> _candidates;
    private readonly List<UnreadableCandidate> _unreadable = [];
    private bool _spent;

    /// <param name="expected">About how many there will be; less is no harm.</param>
    internal CandidateListing(int expected = 0) => _candidates = new List<Candidate>(expected);

    /// <summary>Sagas listed so far, unreadable ones included.</summary>
    public int Count => _candidates.Count + _unreadable.Count;

    internal List<Candidate> Candidates => _candidates;

    internal List<UnreadableCandidate> Unreadable => _unreadable;

    /// <summary>Adds a candidate.</summary>
    /// <exception cref="InvalidOperationException">The listing has been reconciled: it is spent.</exception>
    public void Add(Candidate candidate)
    {
        ThrowIfSpent();
        _candidates.Add(candidate);
    }

    /// <summary>Adds a saga whose row could not be read, so that it is not taken for finished.</summary>
    /// <exception cref="InvalidOperationException">The listing has been reconciled: it is spent.</exception>
    public void AddUnreadable(SagaId sagaId, string error)
    {
        ThrowIfSpent();
        _unreadable.Add(new UnreadableCandidate(sagaId, error));
    }

    internal void Spend() => _spent = true;

    private void ThrowIfSpent()
    {
        if (_spent)
        {
            throw new InvalidOperationException("This listing has been reconciled already: a listing is spent once.");
        }
    }
}
