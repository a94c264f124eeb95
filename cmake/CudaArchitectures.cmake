# The chips the library is compiled for: A100 class, L40S / RTX 4090 class, H100 / H200 with the instructions only they have ("a").
# The PTX of the first lets newer chips run until they get their own.
set(CMAKE_CUDA_ARCHITECTURES "80-real;89-real;90a-real;80-virtual" CACHE STRING "CUDA architectures")
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
