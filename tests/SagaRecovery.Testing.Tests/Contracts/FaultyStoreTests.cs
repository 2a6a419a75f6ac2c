using SagaRecovery.Testing.Contracts;

namespace SagaRecovery.Testing.Tests.Contracts;

/// <summary>The suite can fail: a store with one fault breaks the rule that is about it. Every rule is caught out at least once.</summary>
public sealed class FaultyStoreTests
{
    public static TheoryData<Fault, string> Caught => new()
    {
        { Fault.KeepsIncarnation, "Joining raises the incarnation" },
        { Fault.KeepsIncarnation, "Processes that join at once are given different incarnations, and only the highest writes" },
        { Fault.TakesWritesOfOldIncarnations, "A process whose incarnation is old is fenced out of everything, and told by whom" },
        { Fault.FencesOthers, "Joining fences no other coordinator" },
        { Fault.HidesUnwinding, "The listing shows what is in progress and ours, and nothing else" },
        { Fault.SkipsAtPageEnd, "The listing is complete over all of its pages, and lists nothing twice" },
        { Fault.ListsFromLaggingCopy, "A saga that was committed before the listing was called is listed, whatever is created meanwhile" },
        { Fault.PagesByOffset, "A saga in progress throughout is listed, whatever ends meanwhile" },
        { Fault.HidesUnreadable, "A saga that cannot be read stays listed, is loaded as unreadable, and costs no other" },
        { Fault.LoadsInReverse, "Loading answers once for each candidate, in their order" },
        { Fault.LoadsWithoutLooking, "Loading looks again: what has ended, left, or come back since it was listed has moved on" },
        { Fault.CutsLog, "A log is loaded whole, however long" },
        { Fault.ParsesJson, "What was written is read back byte for byte" },
        { Fault.KeepsDefinitionByName, "Sagas of one definition are loaded with that definition, and those of another with theirs" },
        { Fault.CreatesAtNewerGeneration, "A new saga is in progress, its creator's, at the initial generation" },
        { Fault.CreatesAgain, "An id is created once, and trying again changes nothing" },
        { Fault.CreatesAgain, "Of many who create one id at once, one does" },
        { Fault.IgnoresCancellation, "A call that was cancelled before it began does nothing" },
        { Fault.IgnoresGeneration, "Only the owner writes, and only at the generation that it was handed" },
        { Fault.AnswersForTheGroup, "The entries of a group are answered one by one, in their order" },
        { Fault.RefusesRepeats, "Writing again what stands in the log changes nothing and counts as written, even after the end" },
        { Fault.WritesAfterEnd, "An ended saga takes nothing new" },
        { Fault.WritesInReverse, "Entries of one saga take effect in their order" },
        { Fault.WritesStateApart, "An append that is cancelled takes effect entry by entry as a whole, or not at all" },
        { Fault.LosesSome, "Many callers at once are all served" },
        { Fault.AbandonsNothing, "Abandoning sets a saga aside for good, and nothing more is written about it" },
        { Fault.AbandonsAnyGeneration, "A saga that has moved on is not abandoned" },
        { Fault.AbandonsWhatEnds, "Of abandoning a saga and ending it at once, one takes effect" },
        { Fault.ChecksIncarnationBeforeWriting, "Once a join has returned, no write of an older incarnation takes effect" },
        { Fault.TakesWritesOfOldIncarnations, "Once a join has returned, no write of an older incarnation takes effect" },
        { Fault.ChecksOwnerBeforeWriting, "Once a saga is reassigned, no write of its former owner takes effect" },
        { Fault.IgnoresGeneration, "Once a saga is reassigned, no write of its former owner takes effect" },
        { Fault.RestoresForOldIncarnations, "A process whose incarnation is old is fenced out of everything, and told by whom" },
        { Fault.FindsForOldIncarnations, "A process whose incarnation is old is fenced out of everything, and told by whom" },
        { Fault.IgnoresCancellationOfRejoins, "A call that was cancelled before it began does nothing" },
        { Fault.IgnoresCancellationOfRestores, "A call that was cancelled before it began does nothing" },
        { Fault.IgnoresCancellationOfQuestions, "A call that was cancelled before it began does nothing" },
        { Fault.RejoinKeepsJoin, "A process that joins again gets a newer join and keeps its sagas" },
        { Fault.RejoinRaisesGenerations, "A process that joins again gets a newer join and keeps its sagas" },
        { Fault.RejoinsOncePerJoin, "A process that joins again gets a newer join and keeps its sagas" },
        { Fault.RejoinFencesOthers, "A process that joins again gets a newer join and keeps its sagas" },
        { Fault.GivesLostNumberAgain, "A process that joins again gets a newer join and keeps its sagas" },
        { Fault.TakesWritesOfReplacedJoins, "A join that its own process has replaced is refused as lost, not as fenced" },
        { Fault.FencesLostJoins, "A join that its own process has replaced is refused as lost, not as fenced" },
        { Fault.RejoinsInPlaceOfAny, "Joining again is refused once another process has joined, and the successor keeps its join" },
        { Fault.ChecksJoinBeforeRejoining, "When another process joins while a process joins again, the other process writes afterwards" },
        { Fault.FencesLostJoins, "A join that the store has lost is refused as lost until its process joins again" },
        { Fault.TakesWritesOfLostJoins, "A join that the store has lost is refused as lost until its process joins again" },
        { Fault.CountsJoinsThatCameBack, "A join that the store has lost is refused as lost until its process joins again" },
        { Fault.RejoinsOnlyStoredJoins, "A join that the store has lost is refused as lost until its process joins again" },
        { Fault.GivesLostNumberAgain, "A join that the store has lost is refused as lost until its process joins again" },
        { Fault.RejoinsInPlaceOfAny, "Of two processes that survive a loss, the first to join again continues and the other is fenced" },
        { Fault.RejoinsOnlyStoredJoins, "Of two processes that survive a loss, the first to join again continues and the other is fenced" },
        { Fault.ComparesNumbers, "A join made after a loss fences the process whose join was lost, even under the same incarnation" },
        { Fault.RejoinsInPlaceOfAny, "A join made after a loss fences the process whose join was lost, even under the same incarnation" },
        { Fault.RefusesCompleteLogs, "Restoring a complete log changes nothing, however often" },
        { Fault.RestoresNothing, "Restoring writes the missing events and the state, and nothing else" },
        { Fault.RestoresLastEventOnly, "Restoring writes the missing events and the state, and nothing else" },
        { Fault.RestoresNoState, "Restoring writes the missing events and the state, and nothing else" },
        { Fault.RestoresNoEnd, "Restoring writes the missing events and the state, and nothing else" },
        { Fault.RefusesOwnEnd, "A saga that ended as the run knows is restored, and one that ended otherwise is not ours" },
        { Fault.RestoresOtherEnds, "A saga that ended as the run knows is restored, and one that ended otherwise is not ours" },
        { Fault.RestoresAnyGeneration, "Only the owner restores a log, and only at its generation" },
        { Fault.RestoresForAnyOwner, "Only the owner restores a log, and only at its generation" },
        { Fault.SupersedesBeforeOwner, "Only the owner restores a log, and only at its generation" },
        { Fault.MixesLogs, "A log with an event unknown to the run is superseded and stays as it is" },
        { Fault.ComparesLogLengths, "A log with an event unknown to the run is superseded and stays as it is" },
        { Fault.BringsLostBack, "Restoring a saga without a row reports it as lost and does not create it" },
        { Fault.LeavesEventsOfLost, "Restoring a saga without a row reports it as lost and does not create it" },
        { Fault.TakesLostForNotOurs, "Restoring a saga without a row reports it as lost and does not create it" },
        { Fault.RestoresStateApart, "A restore that is cancelled takes effect as a whole, or not at all" },
        { Fault.FindsEndedLost, "Exactly the sagas without a row are found lost, regardless of owner and state" },
        { Fault.FindsReassignedLost, "Exactly the sagas without a row are found lost, regardless of owner and state" },
        { Fault.FindsOnOnePage, "Exactly the sagas without a row are found lost, regardless of owner and state" },
        { Fault.AnswersAtOnceAboutNone, "Asked about no sagas, the store still reports whether the join counts" },
        { Fault.ChecksJoinBeforeRestoring, "Once a join has returned, no write of an older incarnation takes effect" },
        { Fault.ChecksOwnerBeforeRestoring, "Once a saga is reassigned, no write of its former owner takes effect" },
        { Fault.ChecksIncarnationBeforeWriting, "Once a process has joined again, no write with its earlier join takes effect" },
        { Fault.ChecksJoinBeforeRestoring, "Once a process has joined again, no write with its earlier join takes effect" },
        { Fault.TakesWritesOfReplacedJoins, "Once a process has joined again, no write with its earlier join takes effect" },
    };

    [Theory]
    [MemberData(nameof(Caught))]
    public async Task A_store_with_one_fault_is_caught(Fault fault, string rule)
    {
        int losableCommits = SagaStoreContract.OptionalRules.Contains(rule) ? 1 : 0; // each costs a copy of the whole store with every write
        await using var subject = new FaultySubject(fault, losableCommits);
        Func<Task> check = () => SagaStoreContract.CheckAsync(rule, subject);

        ContractViolationException violation = (await check.Should().ThrowAsync<ContractViolationException>()).Which;

        violation.Rule.Should().Be(rule);
        violation.Message.Should().ContainAll(rule, violation.Expected, violation.Happened, violation.Cost);
    }

    [Fact]
    public void No_rule_is_left_that_nothing_breaks() =>
        Caught.Select(row => (string)row[1]).Distinct().Should().BeEquivalentTo(SagaStoreContract.Rules);
}
