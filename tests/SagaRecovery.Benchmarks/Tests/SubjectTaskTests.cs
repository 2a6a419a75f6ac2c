using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Tests;

public sealed class SubjectTaskTests
{
    [Theory]
    [InlineData(null)]
    [InlineData(0)]
    [InlineData(16)]
    public void Arguments_survive_the_command_line(int? optional)
    {
        var task = new SubjectTask
        {
            ConnectionString = "Host=127.0.0.1;Passfile=\"a b\"",
            Owner = Guid.NewGuid(),
            WarmUpOwner = Guid.NewGuid(),
            Sagas = 1,
            WarmUpSagas = 2,
            WarmUpRounds = 3,
            AtATime = 4,
            Repeats = 5,
            RowsEach = 6,
            Writers = optional,
            Finished = optional,
            LaunchedAt = long.MaxValue,
        };

        SubjectTask.Parse(task.ToArguments()).Should().Be(task);
    }
}
