using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;

namespace SagaRecovery.Core.Tests.Fixture;

/// <summary>An executor as the bookkeeping knows it: its running sagas, their generations, and its answers.</summary>
internal sealed class FakeExecutor
{
    private readonly SortedDictionary<SagaId, AdoptGeneration> _running = [];
    private readonly HashSet<SagaId> _begunUnseen = [];

    public IReadOnlyDictionary<SagaId, AdoptGeneration> Running => _running;

    /// <summary>Every saga that was to be resumed, in order.</summary>
    public List<SagaId> Reassigned { get; } = [];

    /// <summary>The answer instead of running the saga; null: it runs it.</summary>
    public Func<Candidate, ResumeResult?> Answer { get; set; } = _ => null;

    public void AlwaysAnswers(ResumeResult answer) => Answer = _ => answer;

    public void Answers(SagaId sagaId, ResumeResult answer) => Answer = candidate => candidate.SagaId == sagaId ? answer : null;

    /// <summary>The saga begins to run, and yet the call fails: the caller cannot know.</summary>
    public void BeginsButThrows(SagaId sagaId) => Answer = candidate => candidate.SagaId == sagaId ? BeginUnseen(candidate) : null;

    public ResumeResult BeginUnseen(Candidate candidate)
    {
        _running[candidate.SagaId] = candidate.Generation;
        _begunUnseen.Add(candidate.SagaId);
        return new ResumeResult.Failed("the connection broke after the run had begun");
    }

    /// <summary>A start begins its run: one run to an id, and never an older one in place of a newer.</summary>
    public void Begin(SagaId sagaId, AdoptGeneration generation) => _running.TryAdd(sagaId, generation);

    /// <summary>Resumes a recovered saga. A saga that runs already is a defect, unless it began where the bookkeeping could not see it.</summary>
    public ResumeResult Resume(Candidate candidate)
    {
        Reassigned.Add(candidate.SagaId);
        if (_running.TryGetValue(candidate.SagaId, out AdoptGeneration generation) && generation >= candidate.Generation)
        {
            _begunUnseen.Should().Contain(candidate.SagaId, "a saga is not resumed while it runs here");
            return ResumeResult.AlreadyRunning.Instance;
        }

        if (Answer(candidate) is { } answer)
        {
            return answer;
        }

        _running[candidate.SagaId] = candidate.Generation;
        return ResumeResult.Recovered.Instance;
    }

    public RelinquishOutcome Relinquish(SagaId sagaId, AdoptGeneration upTo) =>
        _running.TryGetValue(sagaId, out AdoptGeneration generation) && generation <= upTo && _running.Remove(sagaId)
            ? RelinquishOutcome.Relinquished
            : RelinquishOutcome.NotRunning;

    /// <summary>Ends the run, for any reason.</summary>
    public AdoptGeneration End(SagaId sagaId)
    {
        _running.Remove(sagaId, out AdoptGeneration generation).Should().BeTrue("saga {0} should be running", sagaId);
        return generation;
    }
}
