using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests;

public sealed partial class DefinitionTests
{
    private static readonly IOptions<DurableExecutorOptions> Settings = Options.Create(new DurableExecutorOptions());

    [Fact]
    public void The_canonical_form_and_its_hash_stay_as_they_are()
    {
        var saga = new DiamondSaga();

        SavedDefinition saved = Registry(saga).Get(saga, default).Saved;

        Encoding.UTF8.GetString(saved.Dag.Span).Should().Be(
            """{"name":"diamond","version":1,"nodes":["""
            + """{"id":0,"name":"a","undo":true,"after":[]},{"id":1,"name":"b","undo":true,"after":[0]},"""
            + """{"id":2,"name":"c","undo":false,"after":[0]},{"id":3,"name":"d","undo":true,"after":[1]},"""
            + """{"id":4,"name":"e","undo":true,"after":[2]},{"id":5,"name":"f","undo":true,"after":[3,4]},"""
            + """{"id":6,"name":"g","undo":false,"after":[0]}]}""");
        saved.Hash.ToString().Should().Be("6ce7a369e17b8c0fd116554e55d8ec97ddcb817c79c58a3375e722f420853401");
    }

    [Fact]
    public void The_order_in_which_parents_are_named_does_not_matter()
    {
        SavedDefinition one = Define(builder => Two(builder, (first, second) => [first, second]));
        SavedDefinition other = Define(builder => Two(builder, (first, second) => [second, first, second]));

        other.Hash.Should().Be(one.Hash);

        static void Two(SagaBuilder<string> builder, Func<SagaNode, SagaNode, SagaNode[]> after)
        {
            SagaNode first = builder.Node("first", Nothing);
            SagaNode second = builder.Node("second", Nothing);
            builder.Node("third", Nothing, after: after(first, second));
        }
    }

    [Fact]
    public void A_node_that_becomes_transactional_is_another_definition()
    {
        SagaDefinition plain = new TestSaga("disk", saga => saga.Node("row", Nothing)).BuildDefinition(Settings.Value.Json);
        SagaDefinition transactional = new TestSaga("disk", saga => saga.TransactionalNode("row", (_, _) => Task.CompletedTask)).BuildDefinition(Settings.Value.Json);

        Encoding.UTF8.GetString(transactional.Saved.Dag.Span).Should().EndWith("""{"id":0,"name":"row","undo":false,"after":[],"transactional":true}]}""");
        ShapeDifference.Describe(plain.Saved.Dag, transactional.Shape).Should().Be("node 'row' became transactional");
        ShapeDifference.Describe(transactional.Saved.Dag, plain.Shape).Should().Be("node 'row' is no longer transactional");
    }

    [Fact]
    public void A_type_without_a_generated_contract_is_refused_with_the_line_to_add()
    {
        var generated = new JsonSerializerOptions(JsonSerializerDefaults.Web) { TypeInfoResolver = OnlyTexts.Default };
        var texts = new TestSaga("texts", saga => saga.Node("text", _ => Task.FromResult("x")));
        var ids = new TestSaga("ids", saga => saga.Node("ids", _ => Task.FromResult(new List<Version>())));

        texts.BuildDefinition(generated).Shape.Count.Should().Be(1);
        FluentActions.Invoking(() => ids.BuildDefinition(generated)).Should().Throw<InvalidOperationException>().WithMessage(
            "Saga 'ids' version 1 is not valid: the output of node 'ids' *System.Version* has no JSON contract: "
            + "add [JsonSerializable(typeof(List<Version>))] to a JsonSerializerContext, and its Default to DurableExecutorOptions.Json.TypeInfoResolverChain.");
    }

    [Fact]
    public void A_saga_without_nodes_is_refused() => Refused(_ => { }, "Saga 'bad' version 1 is not valid: it has no nodes.");

    [Fact]
    public void A_saga_whose_declaration_throws_is_named() => Refused(
        _ => throw new InvalidOperationException("no such price list"),
        "Saga 'bad' version 1 (*TestSaga) could not declare its nodes: no such price list");

    [Fact]
    public void A_node_declared_twice_is_refused() => Refused(
        builder =>
        {
            builder.Node("twin", Nothing);
            builder.Node("twin", Nothing);
        },
        "Saga 'bad' version 1 is not valid: node 'twin' is declared twice.");

    [Fact]
    public void A_node_without_a_name_is_refused() =>
        Refused(builder => builder.Node(" ", Nothing), "Saga 'bad' version 1 is not valid: node 0 has no name.");

    [Fact]
    public void A_node_after_one_of_another_saga_is_refused()
    {
        SagaNode? foreign = null;
        Registry(new TestSaga("other", builder => foreign = builder.Node("stranger", Nothing)));

        Refused(
            builder =>
            {
                builder.Node("stranger", Nothing);
                builder.Node("mine", Nothing, after: foreign!);
            },
            "Saga 'bad' version 1 is not valid: node 'mine' comes after node 'stranger', which is not a node of this saga.");
    }

    [Fact]
    public void A_version_below_one_is_refused()
    {
        Action register = () => Registry(new TestSaga("bad", builder => builder.Node("only", Nothing), version: 0));

        register.Should().Throw<InvalidOperationException>().WithMessage("Saga 'bad' version 0 is not valid: its version must be at least 1 (was 0).");
    }

    [Fact]
    public void Two_sagas_of_one_name_and_version_are_refused_and_named()
    {
        var one = new TestSaga("order", builder => builder.Node("only", Nothing));
        var same = new TestSaga("order", builder => builder.Node("only", Nothing));
        var different = new TestSaga("order", builder => builder.Node("another", Nothing));

        Action registerSame = () => Registry(one, same);
        Action registerDifferent = () => Registry(one, different);

        registerSame.Should().Throw<InvalidOperationException>()
            .WithMessage($"Saga 'order' version 1 is registered twice by {typeof(TestSaga)}: call AddSaga once for each class.");
        registerDifferent.Should().Throw<InvalidOperationException>()
            .WithMessage("Saga 'order' version 1 is registered twice, by *, with different nodes: raise the version of one, or register the former shape with AddFormerSaga.");
    }

    [Fact]
    public void Two_versions_of_one_saga_live_side_by_side()
    {
        var one = new TestSaga("order", builder => builder.Node("only", Nothing));
        var two = new TestSaga("order", builder => builder.Node("only", Nothing), version: 2);

        Registry(one, two).Count.Should().Be(2);
    }

    private static Task Nothing(NodeContext<string> context) => Task.CompletedTask;

    private static SagaRegistry Registry(params Saga[] sagas) => new(sagas.Select(saga => new RegisteredSaga(saga)), Settings);

    private static SavedDefinition Define(Action<SagaBuilder<string>> define)
    {
        var saga = new TestSaga("defined", define);
        return Registry(saga).Get(saga, default).Saved;
    }

    private static void Refused(Action<SagaBuilder<string>> define, string message)
    {
        Action register = () => Registry(new TestSaga("bad", define));

        register.Should().Throw<InvalidOperationException>().WithMessage(message);
    }

    [JsonSerializable(typeof(string))]
    private sealed partial class OnlyTexts : JsonSerializerContext;
}
