using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace SagaRecovery.Analyzers;

/// <summary>Finds the parameter through which a call could receive a cancellation token.</summary>
internal static class TokenParameter
{
    /// <summary>Finds an optional parameter that the call leaves out, or the last parameter of an overload that has one more.</summary>
    public static IParameterSymbol? Find(IInvocationOperation call, INamedTypeSymbol token, INamedTypeSymbol within, Compilation compilation)
    {
        IArgumentOperation? left = call.Arguments.FirstOrDefault(
            argument => argument.ArgumentKind == ArgumentKind.DefaultValue && argument.Parameter?.Type.Is(token) == true);
        return left is not null ? left.Parameter : FindOverload(call.TargetMethod, token, within, compilation)?.Parameters.Last();
    }

    private static IMethodSymbol? FindOverload(IMethodSymbol method, INamedTypeSymbol token, INamedTypeSymbol within, Compilation compilation)
    {
        if (method.MethodKind is not MethodKind.Ordinary || method.Parameters.Any(parameter => parameter.IsParams))
        {
            return null;
        }

        IEnumerable<INamedTypeSymbol> types = method.ContainingType.TypeKind == TypeKind.Interface
            ? [method.ContainingType, .. method.ContainingType.AllInterfaces]
            : BasesOf(method.ContainingType);
        return types
            .SelectMany(type => type.GetMembers(method.Name).OfType<IMethodSymbol>())
            .Select(candidate => Close(candidate, method.TypeArguments))
            .FirstOrDefault(candidate => candidate is not null
                && HasOneTokenMore(candidate, method, token)
                && !candidate.GetAttributes().Any(attribute => attribute.AttributeClass?.Name == nameof(ObsoleteAttribute))
                && compilation.IsSymbolAccessibleWithin(candidate, within));
    }

    private static IEnumerable<INamedTypeSymbol> BasesOf(INamedTypeSymbol type)
    {
        for (INamedTypeSymbol? each = type; each is not null; each = each.BaseType)
        {
            yield return each;
        }
    }

    private static IMethodSymbol? Close(IMethodSymbol candidate, ImmutableArray<ITypeSymbol> arguments) =>
        candidate.Arity != arguments.Length ? null : candidate.Arity == 0 ? candidate : candidate.Construct([.. arguments]);

    private static bool HasOneTokenMore(IMethodSymbol candidate, IMethodSymbol method, INamedTypeSymbol token)
    {
        int count = method.Parameters.Length;
        return candidate.Parameters.Length == count + 1
            && candidate.IsStatic == method.IsStatic
            && candidate.Parameters[count].Type.Is(token)
            && SymbolEqualityComparer.Default.Equals(candidate.ReturnType, method.ReturnType)
            && Enumerable.Range(0, count).All(index =>
                candidate.Parameters[index].RefKind == method.Parameters[index].RefKind
                && SymbolEqualityComparer.Default.Equals(candidate.Parameters[index].Type, method.Parameters[index].Type));
    }
}
