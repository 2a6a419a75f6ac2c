using SagaRecovery.Hosting;

namespace SagaRecovery.Tests.Hosting;

/// <summary>Messages of exceptions and of their causes, as one clause.</summary>
public sealed class ErrorTextTests
{
    [Theory]
    [InlineData("The pass failed.", "Refused.", "The pass failed: Refused.")]
    [InlineData("The pass failed: ", "refused", "The pass failed: refused")]
    [InlineData("The pass failed", "refused", "The pass failed: refused")]
    [InlineData("Refused by the server.", "Refused by the server.", "Refused by the server.")]
    [InlineData("refused: time-out", "Time-out.", "refused: time-out: Time-out.")]
    [InlineData("refused: it was late", "it was late.", "refused: it was late")]
    [InlineData("Refused.", "Refused: it was late.", "Refused: it was late.")]
    public void A_cause_follows_the_message_that_does_not_name_it(string outer, string inner, string text) =>
        ErrorText.Of(new InvalidOperationException(outer, new IOException(inner))).Should().Be(text);

    [Fact]
    public void All_causes_are_named_on_one_line() =>
        ErrorText.Of(new InvalidOperationException("a.", new IOException("b\n.", new TimeoutException("c.")))).Should().Be("a: b : c.");
}
