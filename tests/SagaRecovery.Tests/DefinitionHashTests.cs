using SagaRecovery.Storage;

namespace SagaRecovery.Tests;

public sealed class DefinitionHashTests
{
    [Fact]
    public void It_is_the_SHA256_and_goes_to_bytes_and_back()
    {
        var hash = DefinitionHash.Of("abc"u8);

        hash.ToString().Should().Be("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); // FIPS 180-2, appendix B.1
        DefinitionHash.FromBytes(hash.ToBytes()).Should().Be(hash);
        hash.Should().NotBe(default(DefinitionHash));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    public void What_has_not_32_bytes_is_none(int length) =>
        FluentActions.Invoking(() => DefinitionHash.FromBytes(new byte[length])).Should().Throw<ArgumentException>().WithMessage($"*not {length}.*");
}
