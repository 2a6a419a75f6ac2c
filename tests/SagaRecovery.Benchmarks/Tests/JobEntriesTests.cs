using SagaRecovery.Benchmarks.Peers;

namespace SagaRecovery.Benchmarks.Tests;

public sealed class JobEntriesTests
{
    [Fact]
    public void A_job_that_enters_twice_counts_once_as_entered()
    {
        var entries = new JobEntries(jobs: 3);

        entries.Note(0);
        entries.Note(2);
        entries.Note(2);

        entries.Entered.Should().Be(2);
        entries.EnteredTwice.Should().Be(1);
    }

    [Fact]
    public void A_second_entry_neither_completes_the_wait_nor_counts_as_the_last()
    {
        var entries = new JobEntries(jobs: 2);
        Task all = entries.HaveEnteredAsync(2);

        entries.Note(0);
        entries.Note(0);
        all.IsCompleted.Should().BeFalse("only one job has entered");

        entries.Note(1);
        long last = entries.LastAt;
        entries.Note(1);

        all.IsCompleted.Should().BeTrue();
        entries.LastAt.Should().Be(last).And.BeGreaterThanOrEqualTo(entries.FirstAt);
        entries.HaveEnteredAsync(1).IsCompleted.Should().BeTrue();
    }
}
