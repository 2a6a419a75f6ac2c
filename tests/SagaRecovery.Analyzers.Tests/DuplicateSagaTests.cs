using static SagaRecovery.Analyzers.Tests.Support.Verify;

namespace SagaRecovery.Analyzers.Tests;

/// <summary>SAGA006.</summary>
public sealed class DuplicateSagaTests
{
    [Theory]
    [InlineData("public override string Name => \"disk\";")]
    [InlineData("public override string Name { get; } = \"disk\";")]
    [InlineData("public override string Name { get { return \"disk\"; } }")]
    [InlineData("public override string Name => \"di\" + Ending; private const string Ending = \"sk\";")]
    [InlineData("public override string Name => \"disk\"; public override int Version => 1;")]
    public Task Two_classes_of_one_name_and_version_clash(string members) =>
        ReportsAsync<DuplicateSagaAnalyzer>(Two("public override string Name => \"disk\";", members, clash: true));

    [Theory]
    [InlineData("public override string Name => \"volume\";")]
    [InlineData("public override string Name => \"disk\"; public override int Version => 2;")]
    [InlineData("public override string Name => nameof(Second);")]
    [InlineData("public override string Name { get; } = Environment.MachineName;")]
    [InlineData("public override string Name => Environment.MachineName is \"\" ? \"disk\" : \"other\";")]
    [InlineData("public override string Name { get { if (Environment.MachineName is \"\") { return \"disk\"; } return \"other\"; } }")]
    [InlineData("public override string Name => \"disk\"; public override int Version => Environment.ProcessorCount;")]
    public Task What_differs_or_is_not_known_does_not_clash(string members) =>
        ReportsAsync<DuplicateSagaAnalyzer>(Two("public override string Name => \"disk\";", members, clash: false));

    [Fact]
    public Task Files_are_compared_with_each_other() => ReportsAsync<DuplicateSagaAnalyzer>(
        One("First", "public override string Name => \"disk\"; public override int Version => 3;"),
        One("{|SAGA006:Second|}", "public override string Name => \"disk\"; public override int Version => 3;"));

    [Fact]
    public Task A_name_can_come_from_a_base_class() => ReportsAsync<DuplicateSagaAnalyzer>(
        """
        internal abstract class Disk : Saga<string>
        {
            public override string Name => "disk";

            protected override void Define(SagaBuilder<string> saga)
            {
            }
        }

        internal sealed class First : Disk;

        internal sealed class {|SAGA006:Second|} : Disk;

        internal sealed class Third : Disk
        {
            public override int Version => 2;
        }
        """);

    [Fact]
    public Task A_class_that_is_registered_as_a_former_shape_may_share_the_name_and_version_of_another() => ReportsAsync<DuplicateSagaAnalyzer>(
        Two("public override string Name => \"disk\";", "public override string Name => \"disk\";", clash: false)
        + One("{|SAGA006:Third|}", "public override string Name => \"disk\";")
        + """
        internal static class Registrations
        {
            public static void Add(Microsoft.Extensions.DependencyInjection.SagaRecoveryBuilder recovery) =>
                Microsoft.Extensions.DependencyInjection.DurableExecutorExtensions.AddFormerSaga<Second>(
                    Microsoft.Extensions.DependencyInjection.DurableExecutorExtensions.AddSaga<First>(recovery));
        }
        """);

    [Fact]
    public Task The_message_names_both() => ReportsMessageAsync<DuplicateSagaAnalyzer>(
        "namespace Disks;\n"
        + One("First", "public override string Name => \"disk\";")
        + One("{|#0:Second|}", "public override string Name => \"disk\";"),
        Diagnostic(Rules.DuplicateSaga, 0, "disk", 1, "Disks.First"));

    [Theory]
    [InlineData("public override string Name => ;")]
    [InlineData("public override string Name")]
    [InlineData("public override string Name { get")]
    [InlineData("public override int Version => \"1\";")]
    public Task Half_typed_code_breaks_nothing(string members) =>
        BreaksNothingAsync<DuplicateSagaAnalyzer>(Two("public override string Name => \"disk\";", members, clash: false));

    private static string Two(string first, string second, bool clash) =>
        One("First", first) + One(clash ? "{|SAGA006:Second|}" : "Second", second);

    private static string One(string name, string members) =>
        $$"""
        internal sealed class {{name}} : Saga<string>
        {
            {{members}}

            protected override void Define(SagaBuilder<string> saga)
            {
            }
        }

        """;
}
