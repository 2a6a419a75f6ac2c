using SagaRecovery.Fencing;

namespace SagaRecovery.Core.Tests;

public class OwnershipTests
{
    private static readonly CoordinatorId Coordinator = new(new Guid("a4ef738a-1fb0-47b1-9da2-4919c7ec7c7f"));
    private static readonly AdoptGeneration First = AdoptGeneration.Initial;

    [Fact]
    public void A_saga_that_was_never_reassigned_is_at_generation_1_and_each_change_of_owner_adds_1()
    {
        First.Should().Be(new AdoptGeneration(1));
        First.Next.Should().Be(new AdoptGeneration(2));
    }

    [Fact]
    public void Generations_are_ordered_and_none_is_earlier_or_later_than_itself()
    {
        AdoptGeneration same = First;
        AdoptGeneration second = First.Next;

        First.CompareTo(second).Should().BeNegative();
        (First < second, First < same, second < First).Should().Be((true, false, false));
        (First <= second, First <= same, second <= First).Should().Be((true, true, false));
        (First > second, First > same, second > First).Should().Be((false, false, true));
        (First >= second, First >= same, second >= First).Should().Be((false, true, true));
    }

    [Fact]
    public void The_ownership_of_a_saga_is_the_member_and_the_generation()
    {
        var member = new Membership(Coordinator, new Incarnation(7), default);

        member.Of(First.Next).Should().Be(new Ownership(member, new AdoptGeneration(2)));
    }

    [Fact]
    public void The_text_of_numbers_is_bare_and_a_member_names_its_incarnation()
    {
        First.ToString().Should().Be("1");
        new Incarnation(7).ToString().Should().Be("7");
        new Membership(Coordinator, new Incarnation(7), default).ToString().Should().Be("a4ef738a-1fb0-47b1-9da2-4919c7ec7c7f, incarnation 7");
    }
}
