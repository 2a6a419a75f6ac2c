using Mono.Cecil;
using Mono.Cecil.Cil;

namespace SagaRecovery.Architecture.Tests;

/// <summary>The namespaces of one compiled assembly, and which types of one use types of another.</summary>
internal sealed class NamespaceGraph
{
    private readonly Dictionary<(string From, string To), SortedSet<string>> _uses = [];

    private NamespaceGraph(AssemblyDefinition assembly)
    {
        foreach (TypeDefinition type in assembly.MainModule.GetTypes())
        {
            new TypeReader(this, type).Read();
        }
    }

    public static NamespaceGraph Of(string file)
    {
        using AssemblyDefinition assembly = AssemblyDefinition.ReadAssembly(file);
        return new NamespaceGraph(assembly);
    }

    /// <summary>Every use that closes a circle, in the form <c>From.Type uses To.Type</c>.</summary>
    public IEnumerable<string> Circles() =>
        from edge in _uses
        where Reachable(edge.Key.To).Contains(edge.Key.From)
        orderby edge.Key
        from use in edge.Value
        select use;

    private HashSet<string> Reachable(string from)
    {
        HashSet<string> reached = [];
        var open = new Stack<string>([from]);
        while (open.TryPop(out string? next))
        {
            foreach ((string _, string to) in _uses.Keys.Where(edge => edge.From == next && reached.Add(edge.To)))
            {
                open.Push(to);
            }
        }

        return reached;
    }

    private static TypeReference Outermost(TypeReference type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    /// <summary>Adds what one type uses: in its declaration, its signatures and its code.</summary>
    private sealed class TypeReader(NamespaceGraph graph, TypeDefinition type)
    {
        private readonly TypeReference _from = Outermost(type);

        public void Read()
        {
            Use(type.BaseType);
            type.Interfaces.ToList().ForEach(implemented => Use(implemented.InterfaceType));
            type.Fields.ToList().ForEach(field => Use(field.FieldType));
            type.GenericParameters.SelectMany(parameter => parameter.Constraints).ToList().ForEach(constraint => Use(constraint.ConstraintType));
            IEnumerable<ICustomAttributeProvider> members = [type, .. type.Fields, .. type.Properties, .. type.Methods];
            members.SelectMany(member => member.CustomAttributes).ToList().ForEach(attribute => Use(attribute.AttributeType));
            foreach (MethodDefinition method in type.Methods)
            {
                Use(method);
                if (method.HasBody)
                {
                    Read(method.Body);
                }
            }
        }

        private void Read(MethodBody body)
        {
            body.Variables.ToList().ForEach(variable => Use(variable.VariableType));
            body.ExceptionHandlers.ToList().ForEach(handler => Use(handler.CatchType));
            foreach (Instruction instruction in body.Instructions)
            {
                switch (instruction.Operand)
                {
                    case TypeReference used:
                        Use(used);
                        break;
                    case MethodReference used:
                        Use(used);
                        break;
                    case FieldReference used:
                        Use(used.DeclaringType);
                        Use(used.FieldType);
                        break;
                }
            }
        }

        private void Use(MethodReference method)
        {
            Use(method.DeclaringType);
            Use(method.ReturnType);
            method.Parameters.ToList().ForEach(parameter => Use(parameter.ParameterType));
            if (method is GenericInstanceMethod generic)
            {
                generic.GenericArguments.ToList().ForEach(Use);
            }
        }

        private void Use(TypeReference? used)
        {
            switch (used)
            {
                case null or GenericParameter:
                    return;
                case GenericInstanceType generic:
                    generic.GenericArguments.ToList().ForEach(Use);
                    break;
            }

            if (used is TypeSpecification wrapped)
            {
                Use(wrapped.ElementType);
            }
            else if (used.Scope == type.Module && Outermost(used) is { Namespace: var to } target && to != _from.Namespace && IsOurs(to) && IsOurs(_from.Namespace))
            {
                if (!graph._uses.TryGetValue((_from.Namespace, to), out SortedSet<string>? uses))
                {
                    graph._uses.Add((_from.Namespace, to), uses = new SortedSet<string>(StringComparer.Ordinal));
                }

                uses.Add($"{_from.FullName} uses {target.FullName}");
            }
        }

        /// <summary>Extension methods are in the namespaces of what they extend, and generated code is in others.</summary>
        private static bool IsOurs(string name) => name == "SagaRecovery" || name.StartsWith("SagaRecovery.", StringComparison.Ordinal);
    }
}
